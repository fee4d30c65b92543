"""Reads substitutions files in both dialects, msi's and dbLoadTemplate's, and warns where the two differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.problems import Problems


@dataclass(frozen=True, slots=True)
class SubstitutionRow:
    """One instance of a template: its macros as they are handed to macLib, globals first."""

    macros: dict[str, str]
    offset: int
    source: Source

    @property
    def at(self) -> Position:
        """Where the row stands."""
        return self.source.position(self.offset)


@dataclass(frozen=True, slots=True)
class TemplateRows:
    """One `file` block.

    :param written_file: the file name before environment macros were expanded.
    """

    file: str
    written_file: str
    rows: tuple[SubstitutionRow, ...]
    offset: int
    source: Source

    @property
    def at(self) -> Position:
        """Where the file name stands."""
        return self.source.position(self.offset)


@dataclass(frozen=True, slots=True)
class Substitutions:
    """A substitutions file's blocks in order."""

    source: Source
    templates: tuple[TemplateRows, ...]


class _SubstitutionToken(NamedTuple):
    kind: str
    text: str
    offset: int


_TOKEN = re.compile(
    r"""(?P<blank>[\s,]++)|(?P<comment>\#[^\n]*)|(?P<brace>[{}])|(?P<string>"(?:[^"\\\n]|\\[^\n])*+")
    |(?P<single>'(?:[^'\\\n]|\\[^\n])*+'(?=[\s,{}]|$))|(?P<equals>=)|(?P<open>")|(?P<word>[^\s,"{}=][^\s,"{}=]*+)""",
    re.VERBOSE,
)
_VALUE = re.compile(r'"(?:[^"\\\n]|\\[^\n])*+"|\'(?:[^\'\\\n]|\\[^\n])*+\'(?=[\s,{}]|$)|[^\s,"{}]++')
_LOADER_WORD = re.compile(r"[a-zA-Z0-9_\-+:./\\\[\]<>;]+")


class _SyntaxError(Exception):
    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


def parse_substitutions(
    source: Source, problems: Problems, *, env: MacroScope | None = None, given: Mapping[str, str] | None = None
) -> Substitutions:
    """Read a substitutions file; reading stops at the first syntax error, as both of EPICS' readers do.

    :param env: the environment, seen by file names.
    :param given: macros in force for every row, the second argument of dbLoadTemplate; a row's own values win.
    """
    reader = _SubstitutionReader(source, problems, env or MacroScope(), dict(given or {}))
    try:
        reader.read()
    except _SyntaxError as error:
        problems.error("substitutions-syntax", source.position(error.offset), str(error))
    return Substitutions(source, tuple(reader.templates))


class _SubstitutionReader:
    def __init__(self, source: Source, problems: Problems, env: MacroScope, given: dict[str, str]) -> None:
        self.source = source
        self.text = source.text
        self.problems = problems
        self.env = env
        self.globals = given
        self.templates: list[TemplateRows] = []
        self.differences: set[str] = set()
        self.at = 0

    def read(self) -> None:
        """Read `global` and `file` blocks to the end."""
        while token := self._next():
            if token.text == "global":
                self._expect("{")
                self.globals.update(self._definitions(token.offset))
            elif token.text == "file":
                self._file()
            else:
                raise _SyntaxError(token.offset, f"expected 'file' or 'global', not {token.text[:40]!r}")

    def _next(self) -> _SubstitutionToken | None:
        while self.at < len(self.text):
            found = _TOKEN.match(self.text, self.at)
            if found is None or found.lastgroup == "open":
                raise _SyntaxError(self.at, "the closing quote is missing on this line")
            start, self.at = self.at, found.end()
            if found.lastgroup == "comment":
                self._check_comment(start)
            elif found.lastgroup != "blank":
                return _SubstitutionToken(found.lastgroup or "", found.group(), start)
        return None

    def _check_comment(self, start: int) -> None:
        line = self.text.rfind("\n", 0, start) + 1
        before = self.text[line:start]
        if before and before.isspace():
            self._differs(start, "indented comment", "msi may take it for text; start comments in column 1")

    def _differs(self, offset: int, what: str, detail: str) -> None:
        """Warn of the first place of its kind; whole files are written in one dialect."""
        if what not in self.differences:
            self.differences.add(what)
            self.problems.warning("substitutions-dialect", self.source.position(offset), f"{what}: {detail}")

    def _need(self, wanted: str) -> _SubstitutionToken:
        token = self._next()
        if token is None:
            raise _SyntaxError(len(self.text), f"expected {wanted}, but the file ends")
        return token

    def _expect(self, mark: str) -> _SubstitutionToken:
        token = self._need(f"'{mark}'")
        if token.text != mark:
            raise _SyntaxError(token.offset, f"expected '{mark}', not {token.text[:40]!r}")
        return token

    def _file(self) -> None:
        self._skip_blanks()
        start = self.at
        found = _VALUE.match(self.text, start)
        if found is None:
            raise _SyntaxError(start, "expected the name of a template file")
        self.at = found.end()
        written = found.group().strip("\"'") if found.group()[0] in "\"'" else found.group()
        if found.group()[0] not in "\"'" and not _LOADER_WORD.fullmatch(written):
            self._differs(start, "unquoted text", f"dbLoadTemplate needs quotes around {written}")
        self._expect("{")
        rows = self._rows()
        self.templates.append(TemplateRows(expand(written, self.env), written, tuple(rows), start, self.source))

    def _skip_blanks(self) -> None:
        while (found := _TOKEN.match(self.text, self.at)) and found.lastgroup in ("blank", "comment"):
            self.at = found.end()

    def _rows(self) -> list[SubstitutionRow]:
        rows: list[SubstitutionRow] = []
        names: list[str] | None = None
        while (token := self._need("a row or '}'")).text != "}":
            if token.text == "pattern" and token.kind == "word":
                self._expect("{")
                names = self._names()
            elif token.text == "global" and token.kind == "word":
                self._expect("{")
                self.globals.update(self._definitions(token.offset))
            elif token.text == "{":
                macros = self._definitions(token.offset) if names is None else self._values(names, token.offset)
                rows.append(SubstitutionRow(self.globals | macros, token.offset, self.source))
            elif token.kind == "word":
                self._differs(token.offset, "word before '{'", f"dbLoadTemplate ignores {token.text!r}, msi refuses it")
            else:
                raise _SyntaxError(token.offset, f"expected a row in braces, not {token.text[:40]!r}")
        return rows

    def _names(self) -> list[str]:
        names: list[str] = []
        while (token := self._need("a macro name or '}'")).text != "}":
            if token.kind not in ("word", "string"):
                raise _SyntaxError(token.offset, f"expected a macro name, not {token.text!r}")
            if token.kind == "string":
                self._differs(token.offset, "quoted macro name", f"dbLoadTemplate takes no quotes around {token.text}")
            names.append(token.text.strip('"'))
        return names

    def _values(self, names: list[str], row: int) -> dict[str, str]:
        values: list[str] = []
        while True:
            self._skip_blanks()
            if self.text[self.at : self.at + 1] == "}":
                self.at += 1
                break
            values.append(self._value(row))
        if len(values) > len(names):
            at = self.source.position(row)
            message = f"{len(values)} values for {len(names)} macros; the last {len(values) - len(names)} are dropped"
            self.problems.warning("substitutions-values", at, message)
        return dict(zip(names, values, strict=False))

    def _value(self, row: int) -> str:
        start = self.at
        found = _VALUE.match(self.text, start)
        if found is None:
            what = "a nested '{'" if self.text[start : start + 1] == "{" else "an open quote"
            what = what if start < len(self.text) else "the end of the file"
            raise _SyntaxError(
                min(start, len(self.text)), f"{what} inside the row that starts at {self.source.position(row)}"
            )
        self.at = found.end()
        text = found.group()
        if text[0] in "\"'":
            if text[0] == "'":
                self._differs(start, "single quotes", "msi takes them for ordinary text; use double quotes")
            return _unquoted(text)
        if not _LOADER_WORD.fullmatch(text):
            self._differs(start, "unquoted text", f"dbLoadTemplate needs quotes around {text}")
        return text

    def _definitions(self, row: int) -> dict[str, str]:
        """Read `A=1, B="x"` up to the closing brace."""
        definitions: dict[str, str] = {}
        last = -1
        while (token := self._need("a macro definition or '}'")).text != "}":
            if token.kind not in ("word", "string"):
                raise _SyntaxError(token.offset, f"expected a macro name, not {token.text!r}")
            if last >= 0 and "," not in self.text[last : token.offset] and "\n" not in self.text[last : token.offset]:
                self._differs(token.offset, "missing comma", f"msi joins {token.text} to the value before it")
            last = self._expect("=").offset + 1
            self._skip_blanks()
            if self.text[self.at : self.at + 1] == "}" or "," in self.text[last : self.at]:
                definitions[token.text.strip('"')] = ""
            else:
                definitions[token.text.strip('"')] = self._value(row)
                last = self.at
        return definitions


def _unquoted(text: str) -> str:
    """Drop the quotes of a value, unless what they hold would mean something else without them."""
    inside = text[1:-1]
    if "'" in inside or '"' in inside:
        return text if text[0] == '"' else f'"{inside}"'
    return inside
