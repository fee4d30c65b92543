"""Devices: hand-written behaviour that generated classes extend or hold.

Records and generated classes come in; go out: motors, area detectors and PandAs as ophyd-async knows them. ADR 0008 and
0017 rule here.
"""
