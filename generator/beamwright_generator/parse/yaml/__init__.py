"""YAML files: the beamline file, recorded observations and snapshots, and PVI descriptions.

Text comes in; go out: what it says, with the line of each entry. ADR 0010 rules the policies of the beamline
file, ADR 0015 and 0016 what is recorded.
"""
