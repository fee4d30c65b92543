"""The EPICS macro language: references, definitions, and their expansion as macLib does it.

Two differences from macLib are meant: an undefined reference stays as it was written (macLib marks it), and a
value is never cut (macLib cuts after 256 characters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

DEEPEST_REFERENCE = 50
"""References nested inside one another beyond this are taken as plain text."""

LONGEST_CHAIN = 100
"""Definitions that use one another beyond this many steps are taken as recursive."""

MOST_STEPS = 20_000
"""References expanded for one line that holds nested ones; what is left after that stays as written."""

LONGEST_EXPANSION = 1_000_000
"""Characters one line may grow by before its remaining references stay as written."""


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


class Defaults(Enum):
    """What becomes of an undefined reference that has a default."""

    TAKE = "take"
    """It becomes its default, as in an IOC."""
    KEEP = "keep"
    """It stays symbolic, default and all."""


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
    """Tell where the reference that starts at `start` ends on its line, or -1 if it is not closed there."""
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


class Scope:
    """The macros in force at some place; immutable, and an inner scope sees its outer ones.

    Values are kept as written and expanded when they are used, so definitions may stand in any order.

    :param definitions: a value of None removes the name, also from outer scopes.
    """

    __slots__ = ("_definitions", "_values")

    def __init__(self, definitions: Mapping[str, str | None] | None = None, outer: Scope | None = None) -> None:
        self._definitions: dict[str, _Definition] = dict(outer._definitions) if outer else {}
        self._values: dict[tuple[str, Defaults, frozenset[str] | None], tuple[str, tuple[str, ...]]] = {}
        for name, value in (definitions or {}).items():
            if value is None:
                self._definitions.pop(name, None)
            else:
                self._definitions[name] = _Definition(value)

    def __contains__(self, name: str) -> bool:
        return name in self._definitions

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)

    def __repr__(self) -> str:
        return f"Scope({self.raw()!r})"

    def raw(self) -> dict[str, str]:
        """Give every definition as written."""
        return {name: definition.raw for name, definition in self._definitions.items()}

    def value(self, name: str) -> str | None:
        """Expand one macro, or give None where it is not defined."""
        return expand(f"$({name})", self) if name in self._definitions else None

    def inner(self, definitions: Mapping[str, str | None]) -> Scope:
        """Make a scope inside this one."""
        return Scope(definitions, self) if definitions else self


class _Definition:
    """One definition; its identity tells it from another of the same name in an inner scope."""

    __slots__ = ("raw",)

    def __init__(self, raw: str) -> None:
        self.raw = raw


@dataclass(slots=True)
class Met:
    """What an expansion met: names with the offset of the first reference that needed them."""

    undefined: dict[str, int] = field(default_factory=dict)
    recursive: dict[str, int] = field(default_factory=dict)


def expand(
    text: str,
    scope: Scope,
    *,
    defaults: Defaults = Defaults.TAKE,
    only: frozenset[str] | None = None,
    met: Met | None = None,
    offset: int = 0,
) -> str:
    """Expand one line's references; undefined ones stay as written, but for nested references inside them.

    :param only: expand these names alone and leave every other reference symbolic, its default too.
    :param met: collects undefined and recursive names.
    :param offset: added to the offsets that `met` collects.
    """
    if "$" not in text:
        return text
    expansion = _Expansion(scope, defaults, only, Met() if met is None else met, offset)
    if "'" not in text and "\\" not in text:
        try:
            return _SIMPLE.sub(expansion.simple, text)
        except _NotSimpleError:
            pass
    return expansion.text(parse(text))


def expand_lines(
    text: str,
    scope: Scope,
    *,
    defaults: Defaults = Defaults.TAKE,
    only: frozenset[str] | None = None,
    met: Met | None = None,
) -> str:
    """Expand a text of many lines, each on its own, so that an open quote ends with its line."""
    if "$" not in text:
        return text
    if "'" not in text and "\\" not in text:
        try:
            return _SIMPLE.sub(_Expansion(scope, defaults, only, Met() if met is None else met, 0).simple, text)
        except _NotSimpleError:
            pass
    done, offset = [], 0
    for line in text.splitlines(keepends=True) if "\x0b" not in text and "\x0c" not in text else _lines(text):
        done.append(expand(line, scope, defaults=defaults, only=only, met=met, offset=offset) if "$" in line else line)
        offset += len(line)
    return "".join(done)


def _lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines


_SIMPLE = re.compile(
    r"""\$\(([^=,)$'"\\({\n]*)(?:=([^,)$'"\\\n]*))?\)|\$\{([^=,}$'"\\({\n]*)(?:=([^,}$'"\\\n]*))?\}|\$[({]"""
)


class _NotSimpleError(Exception):
    """A reference holds another one, quotes, escapes or scoped definitions."""


class _Expansion:
    """One text's expansion: the scope in force, what is being expanded, and how much may still be."""

    def __init__(self, scope: Scope, defaults: Defaults, only: frozenset[str] | None, met: Met, offset: int) -> None:
        self.scope = scope
        self.defaults = defaults
        self.only = only
        self.met = met
        self.offset = offset
        self.here = 0
        self.steps = MOST_STEPS
        self.room = LONGEST_EXPANSION
        self.expanding: set[int] = set()
        self.retranslate = False
        self.recursions = 0

    def simple(self, found: re.Match[str]) -> str:
        """Replace a reference that holds nothing but a name and a plain default."""
        name, default = found[1], found[2]
        if name is None:
            name, default = found[3], found[4]
            if name is None:
                raise _NotSimpleError
        if self.only is not None and name not in self.only:
            return found[0]
        definition = self.scope._definitions.get(name)
        if definition is not None:
            self.here = found.start()
            return self._value(name, definition)
        if default is not None and self.defaults is Defaults.TAKE:
            return default
        self.met.undefined.setdefault(name, self.offset + found.start())
        return found[0]

    def text(self, pieces: tuple[Piece, ...]) -> str:
        """Expand a whole line, where quotes and escapes stay."""
        done = []
        for piece in pieces:
            if isinstance(piece, Literal):
                done.append(piece.text)
            else:
                self.here = piece.start
                done.append(self._reference(piece))
        return "".join(done)

    def _inside(self, pieces: tuple[Piece, ...]) -> str:
        """Expand a name, default or value, where quotes and escapes go."""
        return "".join(p.stripped if isinstance(p, Literal) else self._reference(p) for p in pieces)

    def _reference(self, reference: Reference) -> str:
        self.steps -= 1
        if self.steps < 0 or self.room < 0:
            return reference.text
        name = reference.literal_name
        if name is None:
            name = self._inside(reference.name)
        if self.only is not None and name not in self.only:
            return self._symbolic(reference)
        outer = self.scope
        try:
            self._define(reference.scoped)
            definition = self.scope._definitions.get(name)
            if definition is not None:
                return self._value(name, definition)
            if reference.default is not None and self.defaults is Defaults.TAKE:
                return self._inside(reference.default)
        finally:
            self.scope = outer
        self.met.undefined.setdefault(name, self.offset + self.here)
        return self._symbolic(reference)

    def _define(self, scoped: tuple[tuple[tuple[Piece, ...], tuple[Piece, ...] | None], ...]) -> None:
        for name, value in scoped:
            # From here on macLib translates raw values anew instead of copying what it translated before.
            self.retranslate = True
            if value is not None:
                self.scope = self.scope.inner({self._inside(name): self._inside(value)})

    def _symbolic(self, reference: Reference) -> str:
        """Write an unexpanded reference, with the expandable references inside it expanded."""
        if "$" not in reference.text[1:]:
            return reference.text
        parts = [reference.text[:2], self.text_inside(reference.name)]
        if reference.default is not None:
            parts += ["=", self.text_inside(reference.default)]
        for name, value in reference.scoped:
            parts += [",", self.text_inside(name)]
            if value is not None:
                parts += ["=", self.text_inside(value)]
        return "".join((*parts, ")" if parts[0] == "$(" else "}"))

    def text_inside(self, pieces: tuple[Piece, ...]) -> str:
        """Expand a part of a reference that stays symbolic, where quotes and escapes stay too."""
        return "".join(p.text if isinstance(p, Literal) else self._reference(p) for p in pieces)

    def _value(self, name: str, definition: _Definition) -> str:
        if "$" not in definition.raw and "\\" not in definition.raw and "'" not in definition.raw:
            self.room -= len(definition.raw)
            return definition.raw.replace('"', "")
        key = (name, self.defaults, self.only)
        known = self.scope._values.get(key)
        if known is not None:
            for undefined in known[1]:
                self.met.undefined.setdefault(undefined, self.offset + self.here)
            self.room -= len(known[0])
            return known[0]
        if self.retranslate:
            if id(definition) in self.expanding or len(self.expanding) >= LONGEST_CHAIN:
                self.recursions += 1
                self.met.recursive.setdefault(name, self.offset + self.here)
                return f"$({name})"
            self.expanding.add(id(definition))
        return self._translate(key, definition)

    def _translate(self, key: tuple[str, Defaults, frozenset[str] | None], definition: _Definition) -> str:
        recursions, met, scope, again = self.recursions, self.met, self.scope, self.retranslate
        self.met = Met(recursive=met.recursive)
        self.retranslate = True
        try:
            text = self._inside(parse(definition.raw))
        finally:
            undefined = tuple(self.met.undefined)
            self.met, self.retranslate = met, again
            if again:
                self.expanding.discard(id(definition))
        for name in undefined:
            met.undefined.setdefault(name, self.offset + self.here)
        if recursions == self.recursions and self.steps >= 0 and self.room >= 0:
            scope._values[key] = (text, undefined)
        self.room -= len(text)
        return text


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
