"""Databases: what `.db`, `.template`, `.dbd` and `.substitutions` files say.

Text comes in; go out: statements with positions, records as an IOC loads them, and trees of includes. ADR 0003 rules
here.
"""
