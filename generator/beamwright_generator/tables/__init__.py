"""Facts as data: record definitions, and what ophyd-async ships. ADR 0009 rules here."""
