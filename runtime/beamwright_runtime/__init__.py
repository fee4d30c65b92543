"""The runtime that generated devices and beamlines stand on."""
