"""The EPICS macro language: references, definitions, and their expansion as macLib does it.

Two differences from macLib are meant: an undefined reference stays as it was written (macLib marks it), and a
value is never cut (macLib cuts after 256 characters).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from beamwright_generator.parse.macros.references import (
    Literal,
    Piece,
    Reference,
    names,
    parse,
    parse_definitions,
    reference_end,
    references,
    written,
)

__all__ = [
    "Defaults",
    "ExpansionReport",
    "Literal",
    "MacroScope",
    "Piece",
    "Reference",
    "expand",
    "expand_lines",
    "names",
    "parse",
    "parse_definitions",
    "reference_end",
    "references",
    "written",
]

LONGEST_CHAIN = 100
"""Definitions that use one another beyond this many steps are taken as recursive."""

MOST_STEPS = 20_000
"""References expanded for one line that holds nested ones; what is left after that stays as written."""

LONGEST_EXPANSION = 1_000_000
"""Characters one line may grow by before its remaining references stay as written."""


class Defaults(Enum):
    """What becomes of an undefined reference that has a default."""

    TAKE = "take"
    """It becomes its default, as in an IOC."""
    KEEP = "keep"
    """It stays symbolic, default and all."""


class MacroScope:
    """The macros in force at some place; immutable, and an inner scope sees its outer ones.

    Values are kept as written and expanded when they are used, so definitions may stand in any order.

    :param definitions: a value of None removes the name, also from outer scopes.
    """

    __slots__ = ("_definitions", "_values")

    def __init__(self, definitions: Mapping[str, str | None] | None = None, outer: MacroScope | None = None) -> None:
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
        """Return every definition as written."""
        return {name: definition.raw for name, definition in self._definitions.items()}

    def value(self, name: str) -> str | None:
        """Expand one macro, or give None where it is not defined."""
        return expand(f"$({name})", self) if name in self._definitions else None

    def inner(self, definitions: Mapping[str, str | None]) -> MacroScope:
        """Make a scope inside this one."""
        return MacroScope(definitions, self) if definitions else self


class _Definition:
    """One definition; its identity tells it from another of the same name in an inner scope."""

    __slots__ = ("raw",)

    def __init__(self, raw: str) -> None:
        self.raw = raw


@dataclass(slots=True)
class ExpansionReport:
    """What an expansion met: names with the offset of the first reference that needed them."""

    undefined: dict[str, int] = field(default_factory=dict)
    recursive: dict[str, int] = field(default_factory=dict)


def expand(
    text: str,
    scope: MacroScope,
    *,
    defaults: Defaults = Defaults.TAKE,
    only: frozenset[str] | None = None,
    met: ExpansionReport | None = None,
    offset: int = 0,
) -> str:
    """Expand one line's references; undefined ones stay as written, but for nested references inside them.

    :param only: expand these names alone and leave every other reference symbolic, its default too.
    :param met: collects undefined and recursive names.
    :param offset: added to the offsets that `met` collects.
    """
    if "$" not in text:
        return text
    expansion = _Expansion(scope, defaults, only, ExpansionReport() if met is None else met, offset)
    if "'" not in text and "\\" not in text:
        try:
            return _SIMPLE.sub(expansion.simple, text)
        except _NotSimpleError:
            pass
    return expansion.text(parse(text))


def expand_lines(
    text: str,
    scope: MacroScope,
    *,
    defaults: Defaults = Defaults.TAKE,
    only: frozenset[str] | None = None,
    met: ExpansionReport | None = None,
) -> str:
    """Expand a text of many lines, each on its own, so that an open quote ends with its line."""
    if "$" not in text:
        return text
    if "'" not in text and "\\" not in text:
        try:
            return _SIMPLE.sub(
                _Expansion(scope, defaults, only, ExpansionReport() if met is None else met, 0).simple, text
            )
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

    def __init__(
        self, scope: MacroScope, defaults: Defaults, only: frozenset[str] | None, met: ExpansionReport, offset: int
    ) -> None:
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
        self.met = ExpansionReport(recursive=met.recursive)
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
