"""The catalogue: everything that can be looked up about a beamline, on one page.

The model and what it was made of come in; goes out: a page that loads nothing. ADR 0025 rules here.
"""
