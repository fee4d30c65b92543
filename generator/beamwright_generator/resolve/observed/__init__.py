"""Observed: what descriptions promise beside what running IOCs were seen to serve.

Placed instances and observations come in; go out: promised PVs, and where the two disagree. ADR 0016 rules here.
"""
