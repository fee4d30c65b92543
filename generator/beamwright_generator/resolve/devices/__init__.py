"""Devices: what IOCs load, as placed devices.

Beamline files and classes come in; go out: template instances, area detectors with their plugins, and devices with a
name, a policy and a docstring. ADR 0010 rules here.
"""
