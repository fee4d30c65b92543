"""Texts in YAML that every reader takes for the same text, however it follows YAML 1.1 or 1.2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*( [\w./-]+)*", re.ASCII)
_READ_AS_OTHER = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPED = {'"': '\\"', "\\": "\\\\"}


def word(text: str) -> str:
    """Write a text as it is where no reader can take it for something else, and in quotes elsewhere."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _READ_AS_OTHER else quoted(text)


def quoted(text: str) -> str:
    """Write a text in quotes, on one line."""
    return f'"{"".join(c if c.isprintable() and c not in _ESCAPED else _escape(c) for c in text)}"'


def _escape(character: str) -> str:
    code = ord(character)
    return _ESCAPED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}")


def in_line(words: Iterable[str]) -> str:
    """Write a list of what is written already on one line."""
    return f"[{', '.join(words)}]"


def mapping_in_line(content: Mapping[str, str]) -> str:
    """Write a mapping of what is written already on one line."""
    return f"{{{', '.join(f'{key}: {value}' for key, value in content.items())}}}"
