"""Looks at live systems and writes down what no file can know; the only room that talks to IOCs.

Promised PVs and prefixes come in; go out: observations and snapshots, as text. ADR 0015 and 0016 rule here.
"""
