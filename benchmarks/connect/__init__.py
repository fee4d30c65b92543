"""Measure connecting, beside the control libraries alone and ophyd-async."""
