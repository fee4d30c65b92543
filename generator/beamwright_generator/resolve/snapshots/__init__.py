"""Snapshots: recorded PVI trees as classes and devices.

Recorded trees come in; go out: blocks, classes that equal blocks share, and devices. ADR 0015 rules here.
"""
