"""Model to text with jinja2; every piece of a description goes through `literal`, `docstring` or `comment`.

ADR 0006 rules the layout of what is written.
"""
