"""Texts against the disk: a plan of what is missing, changed, edited or extra, and its writing.

Texts by their paths come in; go out: differences, and files that were replaced atomically. ADR 0007 rules here.
"""
