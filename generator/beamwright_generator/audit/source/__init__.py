"""Source: hand-written classes read from their text, and nothing is run.

Modules come in; go out: what their classes declare, each signal with its type and its PVs. ADR 0024 rules here.
"""
