"""Names: identifiers and device prefixes.

Names of records, templates and prefixes come in; go out: names of attributes, classes and devices.
"""
