"""Connection: a whole tree of devices connected in one operation.

Devices come in; go out: their connection, which all who ask share, an outline of what failed, and who comes and goes
after that. ADR 0012 and 0013 rule here.
"""
