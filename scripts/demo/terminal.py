"""What the demo prints, in colour where there is a terminal, and the programs that it runs."""

from __future__ import annotations

import difflib
import io
import keyword
import os
import subprocess
import sys
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ


class StepError(Exception):
    """A step did not do what it should; the message says what."""


def gen() -> str:
    """Return the `gen` of this environment."""
    return str(Path(sys.executable).with_name("gen"))


def mypy() -> str:
    """Return the mypy of this environment."""
    return str(Path(sys.executable).with_name("mypy"))


def run(arguments: Sequence[str], *, folder: Path = ROOT, exit_code: int = 0) -> str:
    """Run a program and return what it prints; anything but the expected exit code ends the demo."""
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != exit_code:
        shown = " ".join([Path(arguments[0]).name, *arguments[1:]])
        raise StepError(f"{shown}: exit code {done.returncode}, not {exit_code}\n{done.stdout}{done.stderr}")
    return done.stdout


def heading(text: str) -> None:
    """Start a step."""
    print(f"\n{coloured(text, '1')}\n{coloured('=' * len(text), '1')}")


def command(text: str) -> None:
    """Show the command that a user types for this."""
    print(f"\n{coloured(f'$ {text}', '36')}", flush=True)


def coloured(text: str, code: str) -> str:
    """Colour a text where there is a terminal."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOURS else text


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> list[str]:
    """Return the lines of a table.

    :param right: titles of the columns that hold numbers.
    """
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        aligned = [
            f"{cell:>{width}}" if title in right else f"{cell:<{width}}"
            for title, cell, width in zip(titles, cells, widths, strict=True)
        ]
        return "  ".join(aligned).rstrip()

    return [coloured(line(titles), "1"), *map(line, rows)]


def figures(numbers: Mapping[str, str]) -> None:
    """Print figures, one to a line."""
    width = max(map(len, numbers))
    for name, value in numbers.items():
        print(f"  {name:<{width}}  {value}")


def show_diff(name: str, before: str, after: str) -> None:
    """Print the changed lines of one file."""
    print(name)
    for line in list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]:
        if not line.startswith("@"):
            print(f"  {coloured(line, '32' if line[0] == '+' else '31')}")


def shown(path: Path) -> str:
    """Name a file as a user in this folder would."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def doc_line(text: str) -> str:
    """Return the docstring of a module, without its quotes and full stop."""
    return next(line for line in text.splitlines() if line.startswith('"""')).strip('".')


def highlighted(source: str) -> str:
    """Colour keywords, strings and comments of Python source where there is a terminal."""
    source = source.strip() + "\n"
    return "".join(_pieces(source)) if COLOURS else source


def _pieces(source: str) -> Iterator[str]:
    lines = source.splitlines(keepends=True)
    row, column = 1, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        start_row, start_column = token.start
        while row < start_row:
            yield lines[row - 1][column:]
            row, column = row + 1, 0
        yield from (line[column:start_column] for line in lines[row - 1 : row])
        is_keyword = token.type == tokenize.NAME and keyword.iskeyword(token.string)
        code = "35" if is_keyword else {tokenize.STRING: "32", tokenize.COMMENT: "2"}.get(token.type)
        yield coloured(token.string, code) if code else token.string
        row, column = token.end
