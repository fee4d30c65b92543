"""Area detectors: drivers and plugins that records write and read, as asyn has them.

Parameters come in; go out: frames, what their pixels add up to, and files.
"""
