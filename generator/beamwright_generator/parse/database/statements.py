"""What an EPICS database text says, statement by statement; texts are kept as written, macros and escapes still in.

Every offset is a character offset into the text the statement was read from; `Database.at` turns it into a position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeVar

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.database.json_values import serialised


class Notation(Enum):
    """How a value is written."""

    QUOTED = "quoted"
    BARE = "bare"
    JSON = "json"


class RecordField(NamedTuple):
    """One `field(NAME, value)`.

    :param raw: the value as written, without its quotes.
    """

    name: str
    raw: str
    offset: int
    value_offset: int
    form: Notation

    @property
    def value(self) -> str:
        """The value an IOC puts into the field, once its macros are expanded."""
        return value_text(self.raw, self.form)


class Info(NamedTuple):
    """One `info(name, value)`.

    :param raw: the value as written, without its quotes; `json_values.read_json` reads the JSON in it.
    """

    name: str
    raw: str
    offset: int
    value_offset: int
    form: Notation

    @property
    def value(self) -> str:
        """The text an IOC keeps, once its macros are expanded."""
        return value_text(self.raw, self.form)


def value_text(raw: str, form: Notation) -> str:
    """Turn a value as written into what an IOC takes: escapes translated, or JSON written without blanks."""
    if form is Notation.QUOTED:
        return translate_escapes(raw) if "\\" in raw else raw
    return serialised(raw) if form is Notation.JSON else raw


_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[\s\S]|$)")
_ESCAPED = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def translate_escapes(raw: str) -> str:
    r"""Translate `\n`, `\t`, `\"`, `\\`, `\xHH` and the rest as dbTranslateEscape does."""
    # A NUL ends the text, as in C.
    return _ESCAPE.sub(_escaped, raw).partition("\0")[0]


def _escaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[:1] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)


@dataclass(frozen=True, slots=True)
class Include:
    """`include "file"`, at the top or inside a body."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class Substitute:
    """msi's `substitute "A=1,B=2"`, which holds from its line on."""

    definitions: str
    offset: int


@dataclass(frozen=True, slots=True)
class Alias:
    """`alias("record", "new")`; inside a record's body `record` is None."""

    record: str | None
    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """`record(type, "name") {...}`.

    :param type: a record type, `*` to append to an existing record, or `#` to delete one.
    :param body: every statement of the body in order.
    :param visible: it was written `grecord`.
    """

    type: str
    name: str
    body: tuple[RecordField | Info | Alias | Include | Substitute, ...]
    offset: int
    visible: bool = False

    @property
    def fields(self) -> tuple[RecordField, ...]:
        """The fields in order; a name may stand twice, and the last one counts."""
        return tuple(s for s in self.body if isinstance(s, RecordField))

    @property
    def infos(self) -> tuple[Info, ...]:
        """The info items in order."""
        return tuple(s for s in self.body if isinstance(s, Info))

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """The aliases in order."""
        return tuple(s for s in self.body if isinstance(s, Alias))

    @property
    def includes(self) -> tuple[Include, ...]:
        """The files included into the body."""
        return tuple(s for s in self.body if isinstance(s, Include))


@dataclass(frozen=True, slots=True)
class Breaktable:
    """`breaktable(name) { raw eng ... }` as written."""

    name: str
    points: tuple[tuple[str, str], ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Menu:
    """`menu(name) { choice(id, "text") ... }`."""

    name: str
    choices: tuple[tuple[str, str], ...]
    includes: tuple[Include, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """One field of a record type; `attributes` holds prompt, size, menu and the rest, in order."""

    name: str
    type: str
    attributes: tuple[tuple[str, str], ...]
    offset: int

    def attribute(self, name: str) -> str | None:
        """Return the text of one attribute, such as `menu`, `size`, `special`, `prompt`, `extra` or `initial`."""
        return next((value for key, value in reversed(self.attributes) if key == name), None)

    @property
    def size(self) -> int:
        """Bytes of a string field, its closing NUL included; 0 where none is given."""
        text = self.attribute("size") or ""
        return int(text) if text.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class RecordTypeDefinition:
    """`recordtype(name) {...}`; `body` keeps the order of fields and includes."""

    name: str
    body: tuple[FieldDefinition | Include, ...]
    offset: int

    @property
    def fields(self) -> tuple[FieldDefinition, ...]:
        """The fields defined here, without those of included files."""
        return tuple(item for item in self.body if isinstance(item, FieldDefinition))


@dataclass(frozen=True, slots=True)
class DeviceSupport:
    """`device(recordtype, linktype, dset, "choice")`."""

    record_type: str
    link_type: str
    support: str
    choice: str
    offset: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """`driver`, `registrar`, `function`, `variable` or `link` with its arguments."""

    kind: str
    arguments: tuple[str, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class SearchPath:
    """`path "a:b"`, or `addpath "c"` where `append` is set."""

    folders: str
    append: bool
    offset: int


Item = (
    Record
    | Include
    | Substitute
    | Alias
    | Breaktable
    | Menu
    | RecordTypeDefinition
    | DeviceSupport
    | Declaration
    | SearchPath
)
_Item = TypeVar("_Item")
BodyItem = RecordField | Info | Alias | Include | Substitute


@dataclass(frozen=True, slots=True)
class SyntacticMacro:
    """A macro reference where a statement or punctuation should stand; only its value tells what the text says.

    :param default: its default as written, or None.
    """

    name: str
    text: str
    default: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Database:
    """A database text's statements in order.

    :param refused_by_epics: an IOC reports failure to load this text, whatever it still made of it.
    :param stopped_at: the offset where an IOC would have stopped reading, or None.
    :param macros_in_syntax: references that must be expanded before the text can be read for certain.
    """

    source: Source
    items: tuple[Item, ...]
    macros_in_syntax: tuple[SyntacticMacro, ...] = ()
    refused_by_epics: bool = False
    stopped_at: int | None = None

    @property
    def records(self) -> tuple[Record, ...]:
        """The records in order, repeated definitions too."""
        return tuple(item for item in self.items if isinstance(item, Record))

    @property
    def syntactic_macros(self) -> frozenset[str]:
        """The names to give to `expand(only=...)` before the text is read again."""
        return frozenset(macro.name for macro in self.macros_in_syntax)

    @property
    def needs_msi(self) -> bool:
        """It holds `substitute`, which only msi knows."""
        bodies = (item.body for item in self.items if isinstance(item, Record))
        return any(isinstance(item, Substitute) for item in self.items) or any(
            isinstance(item, Substitute) for body in bodies for item in body
        )

    def of_kind(self, kind: type[_Item]) -> Iterator[_Item]:
        """Return the items of one kind in order."""
        return (item for item in self.items if isinstance(item, kind))

    def at(self, item: Item | BodyItem | FieldDefinition | SyntacticMacro) -> Position:
        """Return the position of an item or of a statement inside one."""
        return self.source.position(item.offset)
