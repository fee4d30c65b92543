"""Detectors in a flight: frames, the files they are in, and documents of them.

ophyd-async's detectors come in; go out: how many frames are on disk, and stream documents in step. ADR 0021, 0022 and
0027 rule here.
"""
