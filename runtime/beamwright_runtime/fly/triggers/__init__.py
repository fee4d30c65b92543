"""Triggers: what starts the frames of a flight.

Stretches of points come in; go out: triggers in step with the motion, by software or by a PandA. ADR 0021 rules here.
"""
