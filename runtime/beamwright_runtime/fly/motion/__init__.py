"""Motion: how the axes of a flight move.

Stretches of points come in; go out: axes that have moved through them, row by row or along a trajectory. ADR 0021 and
0023 rule here.
"""
