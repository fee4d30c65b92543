"""Types: what a server offers for a record or a field, over CA and over PVA.

Records with their fields come in; go out: a datatype, or why there is none. ADR 0002 and 0005 rule here.
"""
