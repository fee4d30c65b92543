"""Channels: what a process knows of its PVs, one room for each protocol.

Names of PVs come in; go out: channels that are up or down, what their servers have, answers to requests, updates of
subscriptions. A channel belongs to the process, a request to the event loop that makes it. ADR 0012, 0013 and 0014 rule
here.
"""
