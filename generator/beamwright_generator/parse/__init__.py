"""Text to faithful trees with positions; knows EPICS and PVI, knows no Python. ADR 0003 rules here."""
