"""Hand-written ophyd-async classes against databases: what is declared, what is served, and whether the two agree."""
