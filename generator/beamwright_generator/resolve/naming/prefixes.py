"""Device prefixes: what the record names of a template have in common, and what is left of each name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from beamwright_generator.basics.text_prefix import text_prefix
from beamwright_generator.parse.macros.maclib import MacroScope, Reference, expand, parse, references

SEPARATORS = ":_-."
"""Characters after the last macro of a prefix that belong to the prefix when all names have them."""


@dataclass(frozen=True, slots=True)
class NameMacros:
    """A record name with its macros in one spelling, and the defaults they had."""

    text: str
    defaults: Mapping[str, str]


def plain_macros(name: str) -> NameMacros:
    """Write every macro of a name as ``$(NAME)``, so that names with and without defaults compare."""
    if "$" not in name:
        return NameMacros(name, {})
    parts, defaults = [], {}
    for piece in parse(name):
        if not isinstance(piece, Reference):
            parts.append(piece.text)
            continue
        macro = piece.literal_name
        if macro is None:
            parts.append(piece.text)
            continue
        parts.append(f"$({macro})")
        if piece.default_text is not None:
            defaults[macro] = piece.default_text
    return NameMacros("".join(parts), defaults)


def first_macro(name: str) -> str | None:
    """Name the macro that a record name starts with; None for a name that starts with literal text."""
    found = references(name)
    return found[0].literal_name if found and found[0].start == 0 else None


def common_prefix(names: Sequence[str]) -> str:
    """Give the longest beginning of all names that ends with a macro, and the separator after it."""
    common = text_prefix(names)
    ends = [reference.end for reference in references(names[0]) if reference.end <= len(common)]
    if not ends:
        return ""
    end = ends[-1]
    while end < len(common) and common[end] in SEPARATORS:
        end += 1
    return common[:end]


def literal_prefix(names: Sequence[str]) -> str:
    """Give the longest beginning of literal names that ends with a separator."""
    common = text_prefix(names)
    if len(names) == 1:
        common = common[:-1]
    cut = max(common.rfind(separator) for separator in SEPARATORS)
    return common[: cut + 1]


def leading_name(name: str) -> str:
    """Give the part of a literal name that says which device it is: as far as the first colon."""
    head, colon, _ = name.partition(":")
    return head + colon if colon else ""


def macros_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Name the macros of some texts, each once, in order of appearance."""
    found: dict[str, None] = {}
    for text in texts:
        if "$" in text:
            found |= dict.fromkeys(r.literal_name for r in references(text) if r.literal_name)
    return tuple(found)


def filled(text: str, macros: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    """Put values into a prefix; a macro without value or default stays as written."""
    return expand(text, MacroScope({**defaults, **macros}))


_TRAILING_NUMBER = re.compile(r"(\d+)(?=[^0-9]*$)")
_NUMBER = re.compile(r"\d+")


def numbered(suffixes: Sequence[str]) -> tuple[str, list[int]] | None:
    """Recognise suffixes that differ in one number only, their last or all; give what they share and the numbers."""
    return _numbered(suffixes, _TRAILING_NUMBER) or _numbered(suffixes, _NUMBER)


def _numbered(suffixes: Sequence[str], number: re.Pattern[str]) -> tuple[str, list[int]] | None:
    stems, numbers = set(), []
    for suffix in suffixes:
        found = set(number.findall(suffix))
        if len(found) != 1:
            return None
        stems.add(number.sub("\0", suffix))
        numbers.append(int(found.pop()))
    if len(stems) != 1 or len(set(numbers)) != len(numbers):
        return None
    return stems.pop().replace("\0", ""), numbers
