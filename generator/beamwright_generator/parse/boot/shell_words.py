"""Lines of a boot script as words, as the IOC shell splits them."""

from __future__ import annotations

import re

_SEPARATORS = " \t(),\r"


_REDIRECT = re.compile(r"[0-9]?(?:>>?)|<")


class UnbalancedQuoteError(ValueError):
    """A quote or escape is left open at the end of a line."""


def split_line(line: str) -> tuple[list[str], str | None]:
    """Split a line into words as the IOC shell does; the second value is the file after `<`.

    Blanks, parentheses and commas separate; both kinds of quotes protect them; a backslash protects one character,
    but not inside quotes.

    :raises UnbalancedQuoteError: where a quote or a backslash is left open.
    """
    words: list[str] = []
    inputs: list[str] = []
    word: list[str] | None = None
    quote, target, at = "", words, 0
    while at < len(line):
        character = line[at]
        at += 1
        if quote:
            if character == quote:
                quote = ""
            elif word is not None:
                word.append(character)
            continue
        if character in _SEPARATORS:
            if word is not None:
                target.append("".join(word))
                word, target = None, words
            continue
        found = _REDIRECT.match(line, at - 1)
        if found:
            if word is not None:
                target.append("".join(word))
            word, target, at = None, inputs if character == "<" else [], found.end()
            continue
        word = [] if word is None else word
        if character in "\"'":
            quote = character
        elif character == "\\":
            if at >= len(line):
                raise UnbalancedQuoteError("a backslash ends the line")
            word.append(line[at])
            at += 1
        else:
            word.append(character)
    if quote:
        raise UnbalancedQuoteError(f"a {quote} is left open")
    if word is not None:
        target.append("".join(word))
    return words, inputs[0] if inputs else None
