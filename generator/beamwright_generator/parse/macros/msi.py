"""Expands a template the way an IOC or msi does: line by line, included files in place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import (
    ExpansionReport,
    MacroScope,
    expand,
    expand_lines,
    parse_definitions,
)
from beamwright_generator.parse.search_path import find_file
from beamwright_generator.problems import Problems

DEEPEST_INCLUDE = 64
"""Files that include one another beyond this end in a problem."""

MOST_FILES = 100_000
"""Files included into one load; more end in a problem."""

MOST_LINES = 10_000_000
"""Lines of one load, included files counted each time; more end in a problem."""

_COMMAND = re.compile(r"^[^\n]*\b(?:include|substitute)\b[^\n]*\n?", re.MULTILINE)
_COMMENT_WITH_MACRO = re.compile(r"^[ \t]*#[^\n]*\$[({][^\n]*", re.MULTILINE)
_SUBSTITUTE = re.compile(r'[ \t]*substitute[ \t]*"((?:[^"\\\n]|\\.)*)"[ \t]*\n?')
_INCLUDE = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|\binclude\b[ \t]*(?:"([^"\n]*)"|([a-zA-Z0-9_\-+:.\[\]<>;]+))')


class LineRun(NamedTuple):
    """A run of lines of one source: where it starts in the expanded text, and its first line, counted from 1."""

    line: int
    source: Source
    source_line: int


@dataclass(frozen=True)
class ExpandedSource(Source):
    """A text put together from expanded files; its positions are those of the files."""

    segments: tuple[LineRun, ...] = ()

    @cached_property
    def _segment_lines(self) -> list[int]:
        return [segment.line for segment in self.segments]

    def position(self, offset: int) -> Position:
        """Return the place in the file that a character came from; behind a macro the column is the macro's."""
        line = bisect_right(self._line_starts, offset)
        segment = self.segments[bisect_right(self._segment_lines, line) - 1]
        source_line = segment.source_line + line - segment.line
        column = offset - self._line_starts[line - 1] + 1
        starts = segment.source._line_starts
        if source_line <= len(starts):
            written = segment.source.text[
                starts[source_line - 1] : starts[source_line] if source_line < len(starts) else None
            ]
            macro = written.find("$")
            column = min(column, macro + 1) if macro >= 0 else column
        return Position(segment.source.name, source_line, column)


def expand_text(
    files: DescriptionFiles,
    path: Path,
    macros: MacroScope,
    search: Sequence[Path],
    problems: Problems,
    *,
    env: MacroScope | None = None,
    cwd: Path | None = None,
    at: Position | None = None,
) -> tuple[ExpandedSource | None, bool]:
    """Expand a file and what it includes; the second value is False where an include could not be followed.

    :param env: the environment, seen by file names only.
    :param cwd: the folder relative names count from; by default the file's own.
    :param at: what asks for the file.
    """
    source = files.read(path, at)
    if source is None:
        return None, False
    expansion = _MsiExpansion(files, macros, search, problems, env or MacroScope(), cwd or path.parent)
    expansion.add(source, ())
    return ExpandedSource(
        source.path, source.name, "".join(expansion.parts), tuple(expansion.segments)
    ), expansion.complete


def substituted(scope: MacroScope, definitions: Mapping[str, str | None], given: MacroScope) -> MacroScope:
    """Make the scope that msi's `substitute` makes.

    macLib expands a definition that names itself, such as `R=$(R)1:`, to `$(R)1:1:`; the reference it leaves is
    expanded when the file that msi wrote is loaded.

    :param given: the macros of that later load.
    """
    inner = scope.inner(definitions)
    settled: dict[str, str | None] = {}
    for name in definitions:
        met = ExpansionReport()
        text = expand(f"$({name})", inner, met=met)
        if met.recursive:
            settled[name] = expand(text, given)
    return inner.inner(settled)


class _MsiExpansion:
    """Collects the expanded text; msi's `substitute` changes the macros from its line on."""

    def __init__(
        self,
        files: DescriptionFiles,
        scope: MacroScope,
        search: Sequence[Path],
        problems: Problems,
        env: MacroScope,
        cwd: Path,
    ) -> None:
        self.files = files
        self.given = scope
        self.scope = scope
        self.search = search
        self.problems = problems
        self.env = env
        self.cwd = cwd
        self.parts: list[str] = []
        self.segments: list[LineRun] = []
        self.lines = 0
        self.sources = 0
        self.complete = True

    def add(self, source: Source, including: tuple[Path, ...]) -> None:
        """Expand one file behind what was expanded so far."""
        text, at, line = source.text, 0, 1
        self.sources += 1
        for command in _COMMAND.finditer(text):
            line += self._add_text(source, text[at : command.start()], at, line)
            at = command.end()
            included = self._command(command.group())
            line += self._add_text(source, command.group(), command.start(), line)
            for name in included:
                self._include(name, source, command.start(), (*including, source.path))
        self._add_text(source, text[at:] if text.endswith("\n") or at >= len(text) else text[at:] + "\n", at, line)

    def _add_text(self, source: Source, text: str, offset: int, line: int) -> int:
        """Expand some lines and return how many they are."""
        if not text:
            return 0
        count = text.count("\n")
        met = ExpansionReport()
        expanded = text
        if "$" in text:
            plain = _COMMENT_WITH_MACRO.sub(lambda found: "#".ljust(len(found.group())), text) if "#" in text else text
            expanded = expand_lines(plain, self.scope, met=met)
        self.segments.append(LineRun(self.lines + 1, source, line))
        # A value that holds line ends would shift all positions behind it.
        self.parts.append(expanded if expanded.count("\n") == count else _on_one_line(text, expanded))
        self.lines += count
        self._report(met, source, offset)
        return count

    def _report(self, met: ExpansionReport, source: Source, offset: int) -> None:
        for name, where in met.undefined.items():
            at = source.position(offset + where)
            self.problems.warning("macro-undefined", at, f"macro {name} is not defined")
        for name, where in met.recursive.items():
            at = source.position(offset + where)
            self.problems.warning("macro-recursive", at, f"macro {name} is defined by itself")

    def _command(self, line: str) -> list[str]:
        """Obey a line's `substitute`, or give the names it includes."""
        if found := _SUBSTITUTE.fullmatch(line):
            self.scope = substituted(self.scope, parse_definitions(found[1]), self.given)
            return []
        expanded = expand(line, self.scope)
        names = (found[1] or found[2] for found in _INCLUDE.finditer(expanded))
        return [expand(name, self.env) for name in names if name]

    def _include(self, name: str, source: Source, offset: int, including: tuple[Path, ...]) -> None:
        at = source.position(offset)
        path = find_file(self.files, name, self.search, self.cwd, source.path.parent)
        found = self.files.read(path, at) if path else None
        if path is None:
            self.problems.error("include-missing", at, f"{name} is not found", hint="add its folder to `search`")
        elif found is not None and found.path in including:
            self.problems.error("include-cycle", at, f"{found.name} includes itself")
            found = None
        elif len(including) >= DEEPEST_INCLUDE:
            self.problems.error("include-too-deep", at, f"more than {DEEPEST_INCLUDE} files include one another")
            found = None
        elif found is not None and (self.lines > MOST_LINES or self.sources > MOST_FILES):
            message = f"more than {MOST_LINES:,} lines or {MOST_FILES:,} files in one load"
            self.problems.error("include-too-large", None, message)
            found = None
        if found is None:
            self.complete = False
        else:
            self.add(found, including)


def _on_one_line(text: str, expanded: str) -> str:
    return expanded.replace("\n", " ") + "\n" * text.count("\n")
