"""A beamline: factories of devices, policies, fixtures and states.

Functions that make devices come in; go out: devices that are made once, named and connected on demand, and the manager
that blueapi loads. ADR 0010 and 0014 rule here.
"""
