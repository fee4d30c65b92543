"""JSON as EPICS databases write it in field and info values: JSON5 with bare words, comments and trailing commas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

DEEPEST_NESTING = 400
"""Levels of `[` and `{`; an IOC's reader has a stack of a similar size."""

_REFERENCE = r"\$\([^()\n]*\)|\$\{[^{}\n]*\}"
# Possessive, because a reference may also be read as plain text and an open string would be tried both ways.
_STRING = r'"[^"\\\n$]*+(?:(?:\\[\s\S]|REF|\$)[^"\\\n$]*+)*+"'.replace("REF", _REFERENCE)
_SINGLE = _STRING.replace('"', "'")
_TOKEN = re.compile(
    rf"(?P<blank>[ \t\r\n]++|#[^\n]*)|(?P<mark>[:,\[\]{{}}])|(?P<string>{_STRING}|{_SINGLE})"
    rf"|(?P<bare>(?:[a-zA-Z0-9_\-+.]|{_REFERENCE})++)"
)
_NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?"
    r"|0[xX][0-9a-fA-F]+|Infinity)|NaN"
)
_BAD_IN_STRING = re.compile(r"[\x00-\x1f]|\\(?:x(?![0-9a-fA-F]{2})|u(?![0-9a-fA-F]{4})|[1-9])")
_WITH_ESCAPES_OUT = re.compile(r"\\[^ux1-9]")
_NEEDS_QUOTES = re.compile(r"[-+.]")
_WORDS: dict[str, object] = {"null": None, "true": True, "false": False}


class TokenKind(Enum):
    """What a token is; the order of tokens has been checked."""

    OPEN = "open"
    CLOSE = "close"
    COLON = "colon"
    COMMA = "comma"
    KEY = "key"
    BARE_KEY = "bare key"
    STRING = "string"
    NUMBER = "number"
    WORD = "word"
    BARE = "bare"


class JsonToken(NamedTuple):
    """One token of a JSON value."""

    kind: TokenKind
    text: str
    offset: int

    @property
    def end(self) -> int:
        """One past the token's last character."""
        return self.offset + len(self.text)


class JsonError(ValueError):
    """A JSON value that EPICS refuses."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


def bad_character(text: str) -> int:
    r"""Find what a quoted value may not hold, or give -1: control characters, broken `\u` and `\x`, `\1` to `\9`."""
    if "\\" in text:
        text = _WITH_ESCAPES_OUT.sub("__", text)
    found = _BAD_IN_STRING.search(text)
    return found.start() if found else -1


class _Expect(Enum):
    VALUE = "a value"
    VALUE_OR_END = "a value or ]"
    KEY_OR_END = "a key or }"
    COLON = ":"
    COMMA_OR_END = ", or the end of the list or object"


def tokens(text: str, at: int = 0) -> Iterator[JsonToken]:
    """Read one value that starts at `at`, and stop after it.

    :raises JsonError: where the value is not what EPICS accepts.
    """
    grammar = _Grammar()
    while True:
        found = _TOKEN.match(text, at)
        if found is None:
            raise JsonError(at, "unexpected end of the text" if at >= len(text) else f"unexpected {text[at]!r}")
        here, at = at, found.end()
        if found.lastgroup == "blank":
            continue
        token = found.group()
        kind = (
            grammar.mark(token, here)
            if found.lastgroup == "mark"
            else grammar.scalar(token, here, quoted=found.lastgroup == "string")
        )
        yield JsonToken(kind, token, here)
        if not grammar.open_marks:
            return


class _Grammar:
    """The order in which tokens may follow one another."""

    def __init__(self) -> None:
        self.open_marks: list[str] = []
        self.expect = _Expect.VALUE

    def mark(self, token: str, here: int) -> TokenKind:
        expect = self.expect
        if token in "{[" and expect in (_Expect.VALUE, _Expect.VALUE_OR_END):
            self.open_marks.append(token)
            if len(self.open_marks) > DEEPEST_NESTING:
                raise JsonError(here, f"more than {DEEPEST_NESTING} nested lists and objects")
            self.expect = _Expect.KEY_OR_END if token == "{" else _Expect.VALUE_OR_END
            return TokenKind.OPEN
        if token in "}]" and self._may_end(token):
            self.open_marks.pop()
            self.expect = _Expect.COMMA_OR_END
            return TokenKind.CLOSE
        if token == ":" and expect is _Expect.COLON:
            self.expect = _Expect.VALUE
            return TokenKind.COLON
        if token == "," and expect is _Expect.COMMA_OR_END:
            self.expect = _Expect.KEY_OR_END if self.open_marks[-1] == "{" else _Expect.VALUE_OR_END
            return TokenKind.COMMA
        raise JsonError(here, f"expected {expect.value}, not {token!r}")

    def _may_end(self, token: str) -> bool:
        opening = "{" if token == "}" else "["
        if not self.open_marks or self.open_marks[-1] != opening:
            return False
        return self.expect in (_Expect.COMMA_OR_END, _Expect.KEY_OR_END, _Expect.VALUE_OR_END)

    def scalar(self, token: str, here: int, *, quoted: bool) -> TokenKind:
        if quoted and (bad := bad_character(token[1:-1])) >= 0:
            raise JsonError(here + 1 + bad, f"character {token[1 + bad]!r} is not allowed in a quoted value")
        number = not quoted and _NUMBER.fullmatch(token)
        if self.expect is _Expect.KEY_OR_END and not number and token not in _WORDS:
            self.expect = _Expect.COLON
            return TokenKind.KEY if quoted else TokenKind.BARE_KEY
        if self.expect in (_Expect.VALUE, _Expect.VALUE_OR_END):
            self.expect = _Expect.COMMA_OR_END
            if quoted:
                return TokenKind.STRING
            return TokenKind.NUMBER if number else TokenKind.WORD if token in _WORDS else TokenKind.BARE
        raise JsonError(here, f"expected {self.expect.value}, not {token!r}")


def serialised(text: str) -> str:
    """Write a JSON value as an IOC keeps it: without blanks, bare words quoted unless they are plain keys.

    A text that is not such a value comes back as it is.
    """
    done: list[str] = []
    try:
        for token in tokens(text):
            if token.kind is TokenKind.BARE or (token.kind is TokenKind.BARE_KEY and _NEEDS_QUOTES.search(token.text)):
                done.append(f'"{token.text}"')
                continue
            if token.text == "}" and done[-1] == ",":
                done.pop()
            done.append(token.text)
    except JsonError:
        return text
    return "".join(done)


def read_json(text: str) -> object:
    """Read a JSON value into dicts, lists, str, int, float, bool and None; macros in strings stay as written.

    :raises JsonError: where the value is not what EPICS accepts, or more text follows it.
    """
    holders: list[list[object]] = [[]]
    end = 0
    for token in tokens(text):
        end = token.end
        if token.kind is TokenKind.OPEN:
            holders.append([])
        elif token.kind is TokenKind.CLOSE:
            parts = holders.pop()
            holders[-1].append(parts if token.text == "]" else dict(zip(parts[::2], parts[1::2], strict=True)))
        elif token.kind not in (TokenKind.COLON, TokenKind.COMMA):
            holders[-1].append(_scalar_value(token))
    if text[end:].strip(" \t\r\n"):
        raise JsonError(end, f"unexpected text after the value: {text[end:].strip()[:20]!r}")
    return holders[0][0]


_JSON_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])")
_JSON_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0", "\n": ""}


def _scalar_value(token: JsonToken) -> object:
    text = token.text
    if token.kind in (TokenKind.STRING, TokenKind.KEY):
        return _JSON_ESCAPE.sub(_json_escaped, text[1:-1])
    if token.kind is TokenKind.WORD:
        return _WORDS[text]
    if token.kind is not TokenKind.NUMBER:
        return text
    if "x" in text or "X" in text:
        return int(text, 16)
    # Python refuses to turn more than some thousand digits into an int.
    return int(text) if text.lstrip("+-").isdecimal() and len(text) < 1000 else float(text)


def _json_escaped(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _JSON_ESCAPED.get(code, code)
