"""Measure the start of a twin, and what it needs."""
