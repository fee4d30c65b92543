"""Text to faithful trees with positions; knows EPICS and PVI, knows no Python."""
