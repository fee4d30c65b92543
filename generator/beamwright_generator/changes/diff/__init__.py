"""Differences of two interfaces, and how they are told.

Two versions of generated code come in; go out: changes, each with what it means for plans.
"""
