"""The description of a beamline as a twin reads it.

A beamline file comes in; go out: softened records, recorded trees, echoes and wires of each IOC.
"""
