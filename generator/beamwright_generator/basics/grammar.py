"""Words that messages, summaries and generated docstrings share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `2 classes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}{'es' if noun.endswith('s') else 's'}"


def was(number: int) -> str:
    """Return the verb that agrees with a number."""
    return "was" if number == 1 else "were"
