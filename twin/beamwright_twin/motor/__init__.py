"""The motor record.

Fields come in, as clients write them; go out: motion, readbacks and alarms. ADR 0019 rules here.
"""
