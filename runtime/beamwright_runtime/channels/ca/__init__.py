"""Channels over Channel Access, by libca itself and many at a time.

Names of PVs come in, and callbacks on libca's threads; go out: channels, answers and updates in the event loop. ADR
0012 and 0014 rule here.
"""
