"""What documents show of a terminal: lines with `$ ` are typed, below is what is shown, `...` is anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

BLOCK = re.compile(
    r"^(?:<!-- (?P<said>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
"""A fenced block of a page, and the comment above it."""

INTERRUPT = "^C\n"
"""The last line of a command that runs until it is interrupted, as a terminal shows it."""


def typed(text: str) -> Iterator[tuple[str, str]]:
    """Give the commands of a block, and what is shown of each."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        while command.endswith("\\"):
            more, _, shown = shown.partition("\n")
            command = f"{command}\n{more}"
        yield command, shown


def matches(expected: str, shown: str) -> bool:
    """Tell whether something shown is as expected."""
    pattern = re.escape(expected).replace(re.escape("...\n"), r"(?:.*\n)*?").replace(re.escape("..."), ".*?")
    return re.fullmatch(pattern, shown) is not None


def without_ports(text: str) -> str:
    """Put a word in the place of port numbers, which differ each time."""
    return re.sub(r"\b\d{5}\b", "PORT", text)
