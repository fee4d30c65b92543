"""Measure generating."""
