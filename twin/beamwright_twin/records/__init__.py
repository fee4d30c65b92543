"""Records in an IOC's memory, whose types are Python.

Definitions of record types come in; go out: records that EPICS base serves and Python runs. ADR 0019 rules here.
"""
