"""Macro references in a text, and lists of macro definitions, as macLib reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

DEEPEST_REFERENCE = 50
"""References nested inside one another beyond this are taken as plain text."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Plain text between references.

    :param stripped: the text as it counts inside a value, where macLib drops quotes and escapes.
    """

    text: str
    stripped: str


@dataclass(frozen=True, slots=True)
class Reference:
    """One macro reference, `$(NAME)`, `$(NAME=default)` or `$(NAME,A=1,B=2)`, with `{}` instead of `()` as well.

    :param text: the reference as written.
    :param start: where it starts in the text it was found in; `end` is one past its last character.
    :param name: pieces of the name, which may hold references itself.
    :param scoped: definitions that hold only for this reference; a value of None is an entry without `=`.
    """

    text: str
    start: int
    end: int
    name: tuple[Piece, ...]
    default: tuple[Piece, ...] | None
    scoped: tuple[tuple[tuple[Piece, ...], tuple[Piece, ...] | None], ...]

    @property
    def literal_name(self) -> str | None:
        """The name, or None when other macros make it up."""
        return None if any(isinstance(p, Reference) for p in self.name) else _stripped(self.name)

    @property
    def default_text(self) -> str | None:
        """The default with its references as written and its quotes and escapes dropped."""
        return None if self.default is None else _stripped(self.default)


Piece = Literal | Reference


def parse(text: str) -> tuple[Piece, ...]:
    """Split a text into plain pieces and references."""
    if not _MARKS.search(text):
        return (Literal(text, text),) if text else ()
    return _parse_cached(text)


_MARKS = re.compile(r"""[$"'\\]""")


@lru_cache(maxsize=16384)
def _parse_cached(text: str) -> tuple[Piece, ...]:
    return _Pieces(text).read(0, "", 0)[0]


def references(text: str) -> tuple[Reference, ...]:
    """Find the references of a text, outermost ones only."""
    return tuple(piece for piece in parse(text) if isinstance(piece, Reference)) if "$" in text else ()


def names(text: str) -> frozenset[str]:
    """Collect every macro name that a text uses, also inside defaults, scoped values and computed names."""
    return frozenset(_names(parse(text))) if "$" in text else frozenset()


def reference_end(text: str, start: int) -> int:
    """Return where the reference that starts at `start` ends on its line, or -1 if it is not closed there."""
    line_end = text.find("\n", start)
    reader = _Pieces(text[start : line_end if line_end >= 0 else len(text)])
    reference = reader.reference(0, 0)
    return start + reference.end if reference is not None and reader.closed else -1


def _stripped(pieces: Iterable[Piece]) -> str:
    return "".join(piece.stripped if isinstance(piece, Literal) else piece.text for piece in pieces)


def _names(pieces: Iterable[Piece]) -> Iterator[str]:
    for piece in pieces:
        if isinstance(piece, Reference):
            name = piece.literal_name
            if name is None:
                yield from _names(piece.name)
            else:
                yield name
            yield from _names(piece.default or ())
            for scoped_name, value in piece.scoped:
                yield from _names(scoped_name)
                yield from _names(value or ())


_SPECIAL = {stops: re.compile(rf"""\\|["']|\$[({{]|[{re.escape(stops)}]""") for stops in ("=,)", ",)", "=,}", ",}")}
_SPECIAL[""] = re.compile(r"""\\|["']|\$[({]""")


class _Pieces:
    """Reads the pieces of one text the way macLib's translation walks it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.closed = True
        self._has_escapes = "\\" in text
        self._done: dict[tuple[int, str, bool], tuple[tuple[Piece, ...], int]] = {}

    def read(self, at: int, stops: str, depth: int, *, escapes: bool = True) -> tuple[tuple[Piece, ...], int]:
        """Read from `at` to a stop character or the end of the text.

        Neither quotes nor a nested reference's closing character hide a stop character; a backslash does, but only
        where `escapes` is set.
        """
        key = (at, stops, escapes or not self._has_escapes)
        if key not in self._done:
            self._done[key] = self._read(at, stops, depth, key[2])
        return self._done[key]

    def _read(self, at: int, stops: str, depth: int, escapes: bool) -> tuple[tuple[Piece, ...], int]:
        text, search = self.text, _SPECIAL[stops].search
        pieces: list[Piece] = []
        kept: list[str] = []
        start, quote = at, ""
        while found := search(text, at):
            here, mark = found.start(), found.group()
            kept.append(text[at:here])
            if len(mark) == 1 and mark in stops:
                at = here
                break
            at = found.end()
            if mark == "\\":
                kept.append(text[at : at + 1] or mark)
                at = min(at + escapes, len(text))
            elif mark in ("'", '"'):
                kept.append(mark if quote and quote != mark else "")
                quote = quote if quote and quote != mark else "" if quote else mark
            elif quote == "'" or (reference := self.reference(here, depth + 1)) is None:
                kept.append(mark)
            else:
                if here > start:
                    pieces.append(Literal(text[start:here], "".join(kept)))
                pieces.append(reference)
                kept = []
                start = at = reference.end
        else:
            kept.append(text[at:])
            at = len(text)
        if at > start:
            pieces.append(Literal(text[start:at], "".join(kept)))
        return tuple(pieces), at

    def reference(self, start: int, depth: int) -> Reference | None:
        """Read the reference whose `$` stands at `start`; one that is never closed ends with the text."""
        if depth > DEEPEST_REFERENCE:
            return None
        text = self.text
        closing = ")" if text[start + 1] == "(" else "}"
        any_stop, no_equals = "=," + closing, "," + closing
        name, at = self.read(start + 2, any_stop, depth)
        default = None
        if text[at : at + 1] == "=":
            # macLib walks a default twice: to find its end, where a backslash hides nothing, and to translate it.
            default = self.read(at + 1, no_equals, depth)[0]
            at = self.read(at + 1, no_equals, depth, escapes=False)[1]
        scoped: list[tuple[tuple[Piece, ...], tuple[Piece, ...] | None]] = []
        while text[at : at + 1] == ",":
            scoped_name, at = self.read(at + 1, any_stop, depth)
            value = None
            if text[at : at + 1] == "=":
                value, at = self.read(at + 1, no_equals, depth)
            scoped.append((scoped_name, value))
        if at >= len(text):
            self.closed = False
        end = min(at + 1, len(text))
        return Reference(text[start:end], start, end, name, default, tuple(scoped))


_BLANK = " \t\n\v\f\r"


def parse_definitions(text: str) -> dict[str, str | None]:
    """Read `a=1, b=x y, c='p,q'` as macParseDefns does.

    Values stay as written, quotes and escapes too; a name without `=` has None, which removes it.
    """
    definitions: dict[str, str | None] = {}
    for part in _unquoted_split(text, ","):
        if not part.strip(_BLANK):
            continue
        name, *rest = _unquoted_split(part, "=", most=1)
        definitions.pop(name, None)
        definitions[_bare_name(name.strip(_BLANK))] = rest[0].strip(_BLANK) if rest else None
    return definitions


def _unquoted_split(text: str, separator: str, most: int = -1) -> list[str]:
    if "'" not in text and '"' not in text and "\\" not in text:
        return text.split(separator, most)
    parts, start, at, quote = [], 0, 0, ""
    while at < len(text) and most != 0:
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == separator:
            parts.append(text[start:at])
            start = at + 1
            most -= 1
        at += 2 if character == "\\" else 1
    parts.append(text[start:])
    return parts


def _bare_name(name: str) -> str:
    if "'" not in name and '"' not in name and "\\" not in name:
        return name
    return _stripped(_Pieces(name.replace("$", "\0")).read(0, "", 0)[0]).replace("\0", "$")


def written(definitions: Mapping[str, str]) -> str:
    """Write definitions as the second argument of dbLoadRecords, quoted where a value needs it."""
    return ",".join(f"{name}={_quoted(value)}" for name, value in definitions.items())


def _quoted(value: str) -> str:
    plain = not any(c in value for c in ",'\"\\") and value == value.strip(_BLANK)
    return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
