"""Channels over PV Access, by p4p's raw client and many at a time.

Names of PVs come in, and callbacks on p4p's threads; go out: channels, answers and updates in the event loop. ADR 0012
and 0014 rule here.
"""
