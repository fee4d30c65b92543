"""Disturb fly scans at random, and see how they come out."""
