"""The jinja2 files that generated modules are printed with."""
