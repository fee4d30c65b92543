"""Facts as data: record definitions, and what ophyd-async ships."""
