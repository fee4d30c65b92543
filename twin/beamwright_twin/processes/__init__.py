"""Processes: a twin as its user sees it, and the processes that are its IOCs.

A beamline file comes in; go out: running IOCs on loopback, what clients need to find them, and faults. ADR 0019 and
0020 rule here.
"""
