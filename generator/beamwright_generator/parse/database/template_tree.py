"""A template and what it includes, unexpanded, so that a class can be made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.database.database_text import parse_body, parse_database
from beamwright_generator.parse.database.statements import Database, Include, Record, Substitute
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import MacroScope, expand, expand_lines, parse_definitions
from beamwright_generator.parse.macros.msi import DEEPEST_INCLUDE, ExpandedSource, LineRun
from beamwright_generator.parse.search_path import find_file
from beamwright_generator.problems import Problems

MOST_TREES = 5_000
"""Files in one template's include tree; more end in a problem."""


@dataclass(frozen=True, slots=True)
class IncludeNode:
    """One include statement with what it brought.

    :param record: the name of the record whose body holds the statement; the tree's items then append to it.
    :param tree: the included file, or None where it could not be read.
    :param definitions: msi's `substitute` definitions in force there, as written; None removes a name.
    """

    statement: Include
    record: str | None
    tree: TemplateTree | None
    definitions: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class TemplateTree:
    """A template's own statements, and its includes in source order."""

    source: Source
    database: Database
    includes: tuple[IncludeNode, ...] = ()

    def included(self, statement: Include) -> IncludeNode | None:
        """Find what an include statement of this file brought."""
        return next((included for included in self.includes if included.statement is statement), None)


@dataclass
class _ReadContext:
    """What stays the same while one template is read."""

    files: DescriptionFiles
    search: Sequence[Path]
    problems: Problems
    macros: MacroScope
    env: MacroScope
    cwd: Path
    count: int = 0
    parsed: dict[tuple[Path, str | None], Database] = field(default_factory=dict)


def read_template(
    files: DescriptionFiles,
    path: Path,
    search: Sequence[Path],
    problems: Problems,
    *,
    macros: MacroScope | None = None,
    env: MacroScope | None = None,
    cwd: Path | None = None,
    at: Position | None = None,
) -> TemplateTree | None:
    """Read a template and its includes symbolically, or give None where the file cannot be read.

    :param macros: values for include names and for macros that decide on syntax; nothing else is expanded.
    :param cwd: the folder relative names count from; by default the file's own.
    :param at: what asks for the file.
    """
    source = files.read(path, at)
    if source is None:
        return None
    reading = _ReadContext(files, search, problems, macros or MacroScope(), env or MacroScope(), cwd or path.parent)
    return _tree(reading, source, None, {}, ())


def _tree(
    reading: _ReadContext,
    source: Source,
    record: str | None,
    definitions: dict[str, str | None],
    including: tuple[Path, ...],
) -> TemplateTree:
    """Read one file; `definitions` is what msi has substituted so far and is changed by what this file substitutes."""
    reading.count += 1
    database = _database(reading, source, record, definitions)
    includes: list[IncludeNode] = []
    path = (*including, source.path)
    for item in database.items:
        for statement in item.body if isinstance(item, Record) else (item,):
            if isinstance(statement, Substitute):
                definitions.update(parse_definitions(statement.definitions))
            elif isinstance(statement, Include):
                inside = item.name if isinstance(item, Record) else None
                in_force = dict(definitions)
                tree = _include(reading, database, statement, inside, definitions, path)
                includes.append(IncludeNode(statement, inside, tree, in_force))
    return TemplateTree(database.source, database, tuple(includes))


def _database(
    reading: _ReadContext, source: Source, record: str | None, definitions: dict[str, str | None]
) -> Database:
    """Parse one file, once more where macros decide on its syntax and their values are known."""
    key = (source.path, record)
    if key in reading.parsed:
        return reading.parsed[key]
    problems = Problems()
    database = _parsed(source, record, problems)
    scope = reading.macros.inner(definitions)
    if any(name in scope for name in database.syntactic_macros):
        text = expand_lines(source.text, scope, only=database.syntactic_macros)
        problems = Problems()
        database = _parsed(ExpandedSource(source.path, source.name, text, (LineRun(1, source, 1),)), record, problems)
    else:
        reading.parsed[key] = database
    for macro in database.macros_in_syntax:
        if macro.default is None and macro.name not in scope:
            message = f"{macro.text} decides what this text says; it is taken as empty"
            problems.warning("macro-in-syntax", database.at(macro), message, hint="give it a value")
    reading.problems.extend(problems)
    return database


def _parsed(source: Source, record: str | None, problems: Problems) -> Database:
    return parse_database(source, problems) if record is None else parse_body(source, record, problems)


def _include(
    reading: _ReadContext,
    database: Database,
    statement: Include,
    record: str | None,
    definitions: dict[str, str | None],
    including: tuple[Path, ...],
) -> TemplateTree | None:
    at, problems = database.at(statement), reading.problems
    name = expand(expand(statement.file, reading.macros.inner(definitions)), reading.env)
    path = find_file(reading.files, name, reading.search, reading.cwd, database.source.path.parent)
    if path is None:
        hint = "give its macros values" if "$" in name else "add its folder to `search`"
        problems.error("include-missing", at, f"{name} is not found", hint=hint)
        return None
    source = reading.files.read(path, at)
    if source is None:
        return None
    if source.path in including:
        problems.error("include-cycle", at, f"{source.name} includes itself")
    elif len(including) >= DEEPEST_INCLUDE:
        problems.error("include-too-deep", at, f"more than {DEEPEST_INCLUDE} files include one another")
    elif reading.count >= MOST_TREES:
        problems.error("include-too-large", None, f"more than {MOST_TREES:,} files in one template")
    else:
        return _tree(reading, source, record, definitions, including)
    return None
