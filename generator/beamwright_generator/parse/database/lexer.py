"""Words, strings and blanks of an EPICS database text that may still hold macros."""

from __future__ import annotations

import re
from typing import NamedTuple

from beamwright_generator.parse.database.json_values import JsonError, tokens
from beamwright_generator.parse.database.statements import Notation, SyntacticMacro
from beamwright_generator.parse.macros.maclib import Reference, parse, reference_end

KEYWORDS = frozenset(
    {
        "include",
        "path",
        "addpath",
        "menu",
        "choice",
        "recordtype",
        "field",
        "device",
        "driver",
        "link",
        "breaktable",
        "record",
        "grecord",
        "alias",
        "info",
        "registrar",
        "function",
        "variable",
    }
)
"""Words that cannot stand unquoted for anything else."""

_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_REFERENCE = re.compile(r"""\$\([^()"'\\\n$]*\)|\$\{[^{}"'\\\n$]*\}""")
_BAREWORD = re.compile(r"[a-zA-Z0-9_\-+:.\[\]<>;]+")
_BARE_VALUE = re.compile(r"[a-zA-Z0-9_\-+.]+")
_PLAIN = {
    '"': re.compile(r'[^"\\\n$]*(?:(?:\\[^\n]|\$(?![({]))[^"\\\n$]*)*'),
    "'": re.compile(r"[^'\\\n$]*(?:(?:\\[^\n]|\$(?![({]))[^'\\\n$]*)*"),
}
_PLAIN_VALUE = {
    '"': re.compile(r'[^"\\\n$]*(?:(?:\\[\s\S]|\$(?![({]))[^"\\\n$]*)*'),
    "'": re.compile(r"[^'\\\n$]*(?:(?:\\[\s\S]|\$(?![({]))[^'\\\n$]*)*"),
}


class DatabaseSyntaxError(Exception):
    """EPICS would stop reading here; caught where reading can go on."""

    def __init__(self, code: str, offset: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.message = message
        self.hint = hint


class Word(NamedTuple):
    """A bareword or a quoted string, the latter without its quotes."""

    text: str
    offset: int


class Lexer:
    """Reads a text from `at` on, and notes macros that stand where syntax should."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.macros: list[SyntacticMacro] = []

    def skip_blanks(self) -> None:
        """Skip blanks and comments."""
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def skip_line(self) -> None:
        """Skip to the end of the line."""
        end = self.text.find("\n", self.at)
        self.at = end if end >= 0 else len(self.text)

    def skip(self) -> str:
        """Skip blanks, comments and macros that stand for syntax; return the next character, or `""` at the end."""
        text = self.text
        while True:
            self.skip_blanks()
            if text[self.at : self.at + 2] not in ("$(", "${"):
                return text[self.at : self.at + 1]
            end = reference_end(text, self.at)
            if end < 0:
                return text[self.at]
            piece = parse(text[self.at : end])[0]
            if isinstance(piece, Reference):
                name = piece.literal_name or piece.text
                self.macros.append(SyntacticMacro(name, piece.text, piece.default_text, self.at))
            self.at = end

    def expect(self, mark: str) -> None:
        """Step over a punctuation mark."""
        character = self.skip()
        if character != mark:
            raise self.unexpected(f"'{mark}'")
        self.at += 1

    def unexpected(self, wanted: str) -> DatabaseSyntaxError:
        """Return an error that says what was expected here and what was found."""
        if self.at >= len(self.text):
            return DatabaseSyntaxError("database-syntax", len(self.text), f"expected {wanted}, but the text ends")
        found = _BAREWORD.match(self.text, self.at)
        shown = found.group()[:40] if found else self.text[self.at]
        return DatabaseSyntaxError("database-syntax", self.at, f"expected {wanted}, not {shown!r}")

    def keyword(self) -> Word:
        """Read the bareword that starts a statement; its text is empty where none stands."""
        found = _BAREWORD.match(self.text, self.at)
        word = Word(found.group() if found else "", self.at)
        self.at += len(word.text)
        return word

    def argument(self, wanted: str) -> Word:
        """Read a bareword or a double-quoted string."""
        self.skip_blanks()
        if self.text[self.at : self.at + 1] == '"':
            start = self.at + 1
            end = self._string_end(start, '"', _PLAIN)
            self.at = end + 1
            return Word(self.text[start:end], start)
        start = self.at
        end = self._bare_end(_BAREWORD)
        word = self.text[start:end]
        if not word or word in KEYWORDS:
            raise self.unexpected(wanted)
        self.at = end
        return Word(word, start)

    def arguments(self, *wanted: str) -> list[Word]:
        """Read as many arguments in parentheses as there are descriptions of them."""
        self.expect("(")
        words = [self.argument(wanted[0])]
        for description in wanted[1:]:
            self.expect(",")
            words.append(self.argument(description))
        self.expect(")")
        return words

    def value(self) -> tuple[str, int, Notation]:
        """Read a field's or info item's value: its text without quotes, where that starts, and how it is written."""
        self.skip_blanks()
        start, mark = self.at, self.text[self.at : self.at + 1]
        if mark and mark in "\"'":
            end = self._string_end(start + 1, mark, _PLAIN_VALUE)
            self.at = end + 1
            return self.text[start + 1 : end], start + 1, Notation.QUOTED
        if mark and mark in "[{":
            self.at = self._json_end(start)
            return self.text[start : self.at], start, Notation.JSON
        self.at = self._bare_end(_BARE_VALUE)
        if self.at == start:
            raise self.unexpected("a value")
        return self.text[start : self.at], start, Notation.BARE

    def _json_end(self, start: int) -> int:
        try:
            end = start
            for token in tokens(self.text, start):
                end = token.end
        except JsonError as error:
            raise DatabaseSyntaxError("database-json", error.offset, f"JSON value: {error}") from None
        return end

    def _string_end(self, at: int, quote: str, plain: dict[str, re.Pattern[str]]) -> int:
        """Find the closing quote; quotes inside a macro reference do not count."""
        text, start, pattern = self.text, at, plain[quote]
        while True:
            found = pattern.match(text, at)
            at = found.end() if found else at
            mark = text[at : at + 1]
            if mark == quote:
                return at
            if mark != "$":
                at = text.find("\n", start)
                self.at = at if at >= 0 else len(text)
                raise DatabaseSyntaxError(
                    "database-string-open", start - 1, "the closing quote is missing on this line"
                )
            simple = _REFERENCE.match(text, at)
            end = simple.end() if simple else reference_end(text, at)
            at = end if end > 0 else at + 2

    def _bare_end(self, pattern: re.Pattern[str]) -> int:
        text, at = self.text, self.at
        while True:
            if found := pattern.match(text, at):
                at = found.end()
            elif text[at : at + 2] in ("$(", "${") and (end := reference_end(text, at)) > 0:
                at = end
            else:
                return at
