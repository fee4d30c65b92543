"""Generated classes in place of hand-written ones.

A hand-written class and an interface come in; goes out: the class on the same PVs, as a proposal. ADR 0026 rules
here.
"""
