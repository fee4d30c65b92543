"""Simulation: the clock, the schedule and the motion that everything in a twin shares.

Real seconds come in; go out: simulated ones, and positions as exact functions of them.
"""
