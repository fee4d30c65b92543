"""Signals: records with their types and their readbacks.

Records of a device type come in, with overrides and PVI descriptions; go out: signals in record order. ADR 0008 and
0009 rule here.
"""
