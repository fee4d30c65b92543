"""Signals: ophyd-async's signals and commands over channels.

What a device class declares comes in, and what servers have; go out: signals with values of the declared type, or an
error that names PV, value and reason. ADR 0002, 0011 and 0028 rule here.
"""
