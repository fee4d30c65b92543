"""Measure what a fly scan takes beyond its frames."""
