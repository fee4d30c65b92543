"""A PandA that behaves.

Signals of a recorded tree come in, and positions of axes; go out: pulses, captured data and files.
"""
