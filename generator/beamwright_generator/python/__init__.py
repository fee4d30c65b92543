"""The one reader of Python: modules read from their text, and nothing is run.

Modules come in; go out: what their names stand for, the values of expressions, and what device classes declare, each
signal with its type and its PVs. ADR 0024 and ADR 0029 rule here.
"""
