"""Classes: contents named, divided into modules, with the bases that they share.

Contents come in; go out: device types, each written once. ADR 0004 rules here.
"""
