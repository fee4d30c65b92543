"""The interface: what plans can use of device code.

Modules come in; go out: devices, classes, members with their PVs and types, and enums.
"""
