"""Reads EPICS database text (.db, .template, .dbd) into statements, macros and all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.database.definitions import read_definition, read_field_definitions
from beamwright_generator.parse.database.json_values import bad_character
from beamwright_generator.parse.database.lexer import KEYWORDS, DatabaseSyntaxError, Lexer, Word
from beamwright_generator.parse.database.statements import (
    Alias,
    BodyItem,
    Database,
    FieldDefinition,
    Include,
    Info,
    Item,
    Notation,
    Record,
    RecordField,
    SearchPath,
    Substitute,
    SyntacticMacro,
)
from beamwright_generator.parse.macros.maclib import Literal
from beamwright_generator.parse.macros.maclib import parse as parse_macros
from beamwright_generator.problems import Problems

MOST_PASSES = 8
"""Readings of one text in which macros stand for syntax, before what is left of them is taken as nothing."""

MOST_PROBLEMS = 100
"""Problems reported for one text; a file that is no database at all would give one per line."""

_VALUE = re.compile(
    r"""(field|info)[ \t]*\([ \t]*([A-Za-z0-9_:]+)[ \t]*,[ \t\n]*"([^"\\\x00-\x1f]*(?:\\[^ux1-9\n][^"\\\x00-\x1f]*)*)"
    [ \t]*\)[ \t\r\n]*""",
    re.VERBOSE,
)
_RECORD = re.compile(
    r"""(g?record)[ \t]*\([ \t]*(?:([A-Za-z0-9]+)|"([A-Za-z0-9*\#]+)")[ \t]*,[ \t\n]*"([^"'\\\x00-\x20.]+)"[ \t\n]*\)
    [ \t\r\n]*(\{[ \t\r\n]*)?""",
    re.VERBOSE,
)
_ITEM_START = re.compile(
    r"""^[ \t]*(?=(?:g?record|alias|breaktable|menu|recordtype|device|driver|link|registrar|function|variable)[ \t]*\(
    |(?:include|substitute|path|addpath)[ \t]*["a-zA-Z])""",
    re.MULTILINE | re.VERBOSE,
)
_BODY_OR_ITEM = re.compile(
    r"""^[ \t]*(?:(?=(?P<body>(?:field|info)[ \t]*\(|(?:include|substitute)[ \t]*"|alias[ \t]*\([^,\n]*\)|\}))
    |(?=(?:g?record|alias)[ \t]*\())""",
    re.MULTILINE | re.VERBOSE,
)
_RECORD_START = re.compile(r"g?record[ \t]*\(")
_SUBSTITUTIONS = re.compile(
    r"""(?:[\s,]++|\#[^\n]*+)*+(?:file[ \t]++(?:"[^"\n]*"|[^\s{"]++)(?:\s++|\#[^\n]*+)*+\{|(?:global|pattern)\s*+\{)""",
    re.VERBOSE,
)
_NOT_IN_NAMES = re.compile(r"""[ "'.$]""")
_ODD_IN_NAMES = re.compile(r"^[-+\[{]|[\x00-\x1f]")
_NUL = re.compile(r"^\0[\s\S]*|\0[^\n]*\n?", re.MULTILINE)
"""What C does not see of a text: all from a line on that starts with NUL, else the rest of the line, its end too."""

_VDCT = {"template", "port", "expand", "macro"}


def looks_like_substitutions(text: str) -> bool:
    """Return whether a text is a substitutions file, whatever its suffix says."""
    return _SUBSTITUTIONS.match(text) is not None


def parse_database(source: Source, problems: Problems) -> Database:
    """Read a database text that may still hold macros, and go on after what EPICS would refuse.

    Macros that stand for syntax are taken as their defaults, or as nothing; `Database.syntactic_macros` names them.
    """
    return _parse(source, problems, _StatementReader.items)


def parse_body(source: Source, record: str, problems: Problems) -> Database:
    """Read a text that is included into a record's body: one item that appends to that record."""
    return _parse(source, problems, lambda reader: reader.appended(record))


def parse_field_definitions(source: Source, problems: Problems) -> tuple[FieldDefinition | Include, ...]:
    """Read a text that is included into a record type's body, such as dbCommon.dbd."""
    lexer = Lexer(source.text + "\n}")
    try:
        return read_field_definitions(lexer)
    except DatabaseSyntaxError as error:
        problems.error(error.code, source.position(error.offset), error.message, hint=error.hint)
        return ()


def _parse(source: Source, problems: Problems, read: Callable[[_StatementReader], Sequence[Item]]) -> Database:
    if "\0" in source.text:
        source = replace(source, text=_NUL.sub("", source.text))
    reader = _StatementReader(source.text)
    items = read(reader)
    macros = found = {macro.offset: macro for macro in reader.lexer.macros}
    passes = 1
    # What a default says may bring further macros to light.
    while passes < MOST_PASSES and any(macro.default for macro in found.values()):
        passes += 1
        reader = _StatementReader(_with_defaults(source.text, macros.values()))
        items = read(reader)
        found = {macro.offset: macro for macro in reader.lexer.macros}
        macros = found | macros
    refused = reader.refused
    for error in refused[:MOST_PROBLEMS]:
        problems.error(error.code, source.position(error.offset), error.message, hint=error.hint)
    if len(refused) > MOST_PROBLEMS:
        at = source.position(refused[MOST_PROBLEMS].offset)
        problems.error("database-syntax", at, f"and {len(refused) - MOST_PROBLEMS} more from here on")
    for odd in reader.warned[:MOST_PROBLEMS]:
        problems.warning(odd.code, source.position(odd.offset), odd.message)
    in_order = tuple(macros[offset] for offset in sorted(macros))
    stopped_at = refused[0].offset if refused else None
    return Database(source, tuple(items), in_order, bool(refused), stopped_at)


def _with_defaults(text: str, macros: Iterable[SyntacticMacro]) -> str:
    """Replace references by their defaults, padded with blanks so that offsets do not change."""
    parts, at = [], 0
    for macro in sorted(macros, key=lambda macro: macro.offset):
        parts += [text[at : macro.offset], (macro.default or "").ljust(len(macro.text))]
        at = macro.offset + len(macro.text)
    return "".join((*parts, text[at:]))


def _leaves_reference_open(text: str) -> bool:
    """Return whether a text ends inside a macro reference, so that a quote after it belongs to the reference."""
    return text.rfind("$(") > text.rfind(")") or ("${" in text and text.rfind("${") > text.rfind("}"))


class _StatementReader:
    """Reads items one after another and collects what EPICS would refuse."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lexer = Lexer(text)
        self.refused: list[DatabaseSyntaxError] = []
        self.warned: list[DatabaseSyntaxError] = []

    def items(self) -> list[Item]:
        """Read to the end of the text."""
        items: list[Item] = []
        lexer, match = self.lexer, _RECORD.match
        while True:
            lexer.skip_blanks()
            start = lexer.at
            try:
                if head := match(self.text, start):
                    items.append(self._plain_record(head))
                elif lexer.skip():
                    start = lexer.at
                    items.append(self._item())
                else:
                    return items
            except DatabaseSyntaxError as error:
                self._recover(error, start)

    def appended(self, record: str) -> list[Item]:
        """Read the text as part of a record's body."""
        self.text += "\n}"
        self.lexer.text = self.text
        self.lexer.skip_blanks()
        body = self._body(record)
        if self.lexer.at < len(self.text):
            self.refused.append(DatabaseSyntaxError("database-syntax", self.lexer.at - 1, "a closing brace too many"))
        return [Record("*", record, body, 0)]

    def _recover(self, error: DatabaseSyntaxError, start: int) -> None:
        self.refused.append(error)
        found = _ITEM_START.search(self.text, max(start + 1, error.offset))
        self.lexer.at = found.end() if found else len(self.text)

    def _item(self) -> Item:
        lexer = self.lexer
        word = lexer.keyword()
        match word.text:
            case "record" | "grecord":
                return self._record(word)
            case "include":
                return Include(lexer.argument("a file name").text, word.offset)
            case "substitute":
                return Substitute(lexer.argument("macro definitions").text, word.offset)
            case "path" | "addpath":
                return SearchPath(lexer.argument("folders").text, word.text == "addpath", word.offset)
            case "alias":
                record, alias = lexer.arguments("a record name", "an alias")
                self._check_name(record)
                self._check_name(alias)
                return Alias(record.text, alias.text, word.offset)
            case "":
                raise lexer.unexpected("a statement")
        definition = read_definition(lexer, word)
        if definition is None:
            raise DatabaseSyntaxError(
                "database-syntax", word.offset, f"unknown statement {word.text[:40]!r}", _hint(word.text)
            )
        return definition

    def _plain_record(self, head: re.Match[str]) -> Record:
        """Read on after a record's head that matched in one expression."""
        word, record_type, quoted_type, name, brace = head.groups()
        start = self.lexer.at
        if name[0] in "-+[{" or record_type in KEYWORDS or ("$" in name and _leaves_reference_open(name)):
            return self._record(self.lexer.keyword())
        self.lexer.at = head.end()
        body = self._body(name) if brace else self._optional_body(name)
        return Record(record_type or quoted_type, name, body, start, word == "grecord")

    def _record(self, word: Word) -> Record:
        record_type, name = self.lexer.arguments("a record type", "a record name")
        self._check_name(name)
        body = self._optional_body(name.text)
        return Record(record_type.text, name.text, body, word.offset, word.text == "grecord")

    def _optional_body(self, name: str) -> tuple[BodyItem, ...]:
        if self.lexer.skip() != "{":
            return ()
        self.lexer.at += 1
        self.lexer.skip_blanks()
        return self._body(name)

    def _body(self, record: str) -> tuple[BodyItem, ...]:
        """Read statements up to the closing brace."""
        text, lexer, match = self.text, self.lexer, _VALUE.match
        body: list[BodyItem] = []
        make: Callable[[type[RecordField | Info], tuple[str, str, int, int, Notation]], RecordField | Info] = (
            tuple.__new__
        )
        add, at, quoted = body.append, lexer.at, Notation.QUOTED
        while True:
            if found := match(text, at):
                kind, name, raw = found.groups()
                if name not in KEYWORDS and ("$" not in raw or not _leaves_reference_open(raw)):
                    # A named tuple made directly, because calling its class takes twice as long.
                    add(make(RecordField if kind == "field" else Info, (name, raw, at, found.start(3), quoted)))
                    at = found.end()
                    continue
            lexer.at = at
            try:
                if text[at : at + 1] == "}" or lexer.skip() == "}":
                    lexer.at += 1
                    return tuple(body)
                at = lexer.at
                if at >= len(text):
                    raise DatabaseSyntaxError("database-syntax", at, f"the body of record {record!r} is not closed")
                body.append(self._statement())
            except DatabaseSyntaxError as error:
                self.refused.append(error)
                if _RECORD_START.match(text, at):
                    lexer.at = at
                    return tuple(body)
                after = _BODY_OR_ITEM.search(text, max(at + 1, error.offset))
                lexer.at = after.end() if after else len(text)
                if after is None or after["body"] is None:
                    return tuple(body)
            lexer.skip_blanks()
            at = lexer.at

    def _statement(self) -> BodyItem:
        lexer = self.lexer
        word = lexer.keyword()
        match word.text:
            case "field" | "info":
                return self._value(word)
            case "alias":
                (name,) = lexer.arguments("an alias")
                self._check_name(name)
                return Alias(None, name.text, word.offset)
            case "include":
                return Include(lexer.argument("a file name").text, word.offset)
            case "substitute":
                return Substitute(lexer.argument("macro definitions").text, word.offset)
            case "":
                raise lexer.unexpected("field, info, alias, include or '}'")
        message = f"{word.text[:40]!r} cannot stand in a record's body"
        hint = "a closing brace is missing above" if word.text in KEYWORDS else _hint(word.text)
        raise DatabaseSyntaxError("database-syntax", word.offset, message, hint)

    def _value(self, word: Word) -> RecordField | Info:
        lexer = self.lexer
        lexer.expect("(")
        name = lexer.argument("a name")
        lexer.expect(",")
        raw, start, form = lexer.value()
        if form is Notation.BARE and lexer.skip() == ":":
            raise DatabaseSyntaxError(
                "database-syntax", lexer.at, "an unquoted value may not hold ':'", "put the value in quotes"
            )
        lexer.expect(")")
        if form is Notation.QUOTED and (bad := bad_character(raw)) >= 0:
            self._refuse_character(raw, start, bad)
        if not name.text and word.text == "info":
            self.refused.append(DatabaseSyntaxError("database-syntax", name.offset, "an info item needs a name"))
        kind = RecordField if word.text == "field" else Info
        return kind(name.text, raw, word.offset, start, form)

    def _refuse_character(self, raw: str, start: int, bad: int) -> None:
        what = "a tab" if raw[bad] == "\t" else repr(raw[bad : bad + 2] if raw[bad] == "\\" else raw[bad])
        hint = "write \\t, or a blank" if raw[bad] == "\t" else ""
        message = f"{what} is not allowed in a quoted value"
        self.refused.append(DatabaseSyntaxError("database-bad-character", start + bad, message, hint))

    def _check_name(self, name: Word) -> None:
        if _ODD_IN_NAMES.search(name.text):
            message = f"the record name {name.text!r} starts with a mark or holds a control character"
            self.warned.append(DatabaseSyntaxError("database-name-odd", name.offset, message))
        if not name.text:
            self.refused.append(
                DatabaseSyntaxError("database-name", name.offset, "a record name or alias may not be empty")
            )
        elif _NOT_IN_NAMES.search(name.text):
            plain = "".join(piece.text for piece in parse_macros(name.text) if isinstance(piece, Literal))
            if bad := _NOT_IN_NAMES.search(plain):
                message = f"{bad.group()!r} is not allowed in the record name {name.text!r}"
                self.refused.append(DatabaseSyntaxError("database-name", name.offset, message))


def _hint(word: str) -> str:
    if word in _VDCT:
        return "this is VDCT's own language: flatten the file with VDCT or msi first"
    if word in ("file", "pattern", "global"):
        return "this looks like a substitutions file: name it as one"
    return ""
