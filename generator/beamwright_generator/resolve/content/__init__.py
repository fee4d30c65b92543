"""Content: what the records of a template amount to, before classes share anything.

Templates with their includes come in; go out: contents of device types, each once for all instances that are alike.
ADR 0004 rules here.
"""
