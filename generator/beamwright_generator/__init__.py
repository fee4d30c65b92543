"""Read what IOCs are made of and write typed Device classes and beamline modules."""
