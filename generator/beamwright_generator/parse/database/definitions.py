"""The statements of .dbd files and the other definitions that a database text may hold, kept shallowly."""

from __future__ import annotations

import re
from itertools import pairwise

from beamwright_generator.parse.database.lexer import KEYWORDS, DatabaseSyntaxError, Lexer, Word
from beamwright_generator.parse.database.statements import (
    Breaktable,
    Declaration,
    DeviceSupport,
    FieldDefinition,
    Include,
    Menu,
    RecordTypeDefinition,
)

Definition = Breaktable | Declaration | DeviceSupport | Menu | RecordTypeDefinition

_DECLARATIONS = {"driver": 1, "registrar": 1, "function": 1, "variable": 2, "link": 2}
_NUMBER = re.compile(
    r"\s*[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)\s*", re.IGNORECASE
)


def read_definition(lexer: Lexer, word: Word) -> Definition | None:
    """Read the definition whose keyword has just been read, or give None where it is none."""
    match word.text:
        case "menu":
            return _menu(lexer, word)
        case "recordtype":
            return _record_type(lexer, word)
        case "device":
            record, link, support, choice = lexer.arguments(
                "a record type", "a link type", "a support name", "a choice"
            )
            return DeviceSupport(record.text, link.text, support.text, choice.text, word.offset)
        case "breaktable":
            return _breaktable(lexer, word)
    if word.text in _DECLARATIONS:
        return _declaration(lexer, word)
    return None


def _declaration(lexer: Lexer, word: Word) -> Declaration:
    lexer.expect("(")
    arguments = [lexer.argument("a name").text]
    if word.text == "link" or (word.text == "variable" and lexer.skip() == ","):
        lexer.expect(",")
        arguments.append(lexer.argument("a name").text)
    lexer.expect(")")
    return Declaration(word.text, tuple(arguments), word.offset)


def _menu(lexer: Lexer, word: Word) -> Menu:
    (name,) = lexer.arguments("a menu name")
    lexer.expect("{")
    choices: list[tuple[str, str]] = []
    includes: list[Include] = []
    while lexer.skip() != "}":
        item = lexer.keyword()
        if item.text == "include":
            includes.append(Include(lexer.argument("a file name").text, item.offset))
        elif item.text == "choice":
            choice, text = lexer.arguments("a choice name", "a choice text")
            choices.append((choice.text, text.text))
        else:
            lexer.at = item.offset
            raise lexer.unexpected("choice, include or '}'")
    if not choices and not includes:
        raise lexer.unexpected("a choice")
    lexer.at += 1
    return Menu(name.text, tuple(choices), tuple(includes), word.offset)


def _record_type(lexer: Lexer, word: Word) -> RecordTypeDefinition:
    (name,) = lexer.arguments("a record type")
    lexer.expect("{")
    body = read_field_definitions(lexer)
    if not body:
        raise DatabaseSyntaxError("database-syntax", word.offset, f"record type {name.text!r} has no fields")
    return RecordTypeDefinition(name.text, body, word.offset)


def read_field_definitions(lexer: Lexer) -> tuple[FieldDefinition | Include, ...]:
    """Read a record type's body up to its closing brace."""
    body: list[FieldDefinition | Include] = []
    while (mark := lexer.skip()) != "}":
        if mark == "%":
            lexer.skip_line()
            continue
        item = lexer.keyword()
        if item.text == "field":
            body.append(_field_definition(lexer, item))
        elif item.text == "include":
            body.append(Include(lexer.argument("a file name").text, item.offset))
        else:
            lexer.at = item.offset
            raise lexer.unexpected("field, include, '%' or '}'")
    lexer.at += 1
    return tuple(body)


def _field_definition(lexer: Lexer, word: Word) -> FieldDefinition:
    name, field_type = lexer.arguments("a field name", "a field type")
    lexer.expect("{")
    attributes: list[tuple[str, str]] = []
    while lexer.skip() != "}":
        attribute = lexer.keyword()
        if not attribute.text or (attribute.text in KEYWORDS and attribute.text != "menu"):
            lexer.at = attribute.offset
            raise lexer.unexpected("an attribute of the field")
        (value,) = lexer.arguments("a value")
        attributes.append((attribute.text, value.text))
    lexer.at += 1
    return FieldDefinition(name.text, field_type.text, tuple(attributes), word.offset)


def _breaktable(lexer: Lexer, word: Word) -> Breaktable:
    (name,) = lexer.arguments("a breakpoint table's name")
    lexer.expect("{")
    values: list[str] = []
    while (mark := lexer.skip()) != "}":
        if mark == "," and values:
            lexer.at += 1
            lexer.skip()
        value = lexer.argument("a number")
        if "$" not in value.text and not _NUMBER.fullmatch(value.text):
            raise DatabaseSyntaxError(
                "database-breaktable", value.offset, f"{value.text!r} in a breakpoint table is not a number"
            )
        values.append(value.text)
    lexer.at += 1
    points = tuple(zip(values[::2], values[1::2], strict=False))
    if fault := _fault(values, points):
        raise DatabaseSyntaxError("database-breaktable", word.offset, f"breakpoint table {name.text!r} {fault}")
    return Breaktable(name.text, points, word.offset)


def _fault(values: list[str], points: tuple[tuple[str, str], ...]) -> str:
    """Return what EPICS refuses in a table: too few points, or slopes that are zero or change their sign."""
    if len(values) % 2 or len(points) < 2:
        return f"needs two or more pairs of numbers, not {len(values)} numbers"
    if any("$" in value for value in values):
        return ""
    numbers = [(_number(raw), _number(eng)) for raw, eng in points]
    rising = [(eng - last_eng) * (raw - last_raw) for (last_raw, last_eng), (raw, eng) in pairwise(numbers)]
    if any(slope == 0 for slope in rising):
        return "has a slope of zero"
    return "has slopes of both signs" if len({slope > 0 for slope in rising}) > 1 else ""


def _number(text: str) -> float:
    text = text.strip()
    return float(int(text, 16)) if "x" in text.lower() else float(text)
