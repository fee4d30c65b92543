"""Plans for the example beamline x01."""
