"""Macros: the EPICS macro language, and templates expanded as msi does it.

Text and definitions come in; go out: text without macros, and what was undefined. ADR 0003 rules here.
"""
