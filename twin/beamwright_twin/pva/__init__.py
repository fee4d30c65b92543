"""Recorded PVI trees served over PVA.

Recorded signals come in; go out: PVs with values of their normative types. ADR 0020 rules here.
"""
