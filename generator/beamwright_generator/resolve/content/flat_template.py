"""A template's records in one list: includes followed, re-definitions merged, macros kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from beamwright_generator.basics.source_text import Position
from beamwright_generator.parse.database.statements import Info, Record, RecordField, value_text
from beamwright_generator.parse.database.template_tree import IncludeNode, TemplateTree
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.naming.prefixes import plain_macros


@dataclass(slots=True)
class FlatRecord:
    """One record of a template; names and values still hold the macros that the template is loaded with."""

    name: str
    type: str
    at: Position
    fields: dict[str, str] = field(default_factory=dict)
    infos: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """One file that a template includes.

    :param definitions: the macros that msi substitutes for it; empty when it is included as it is.
    :param names: the records that it defines here.
    """

    tree: TemplateTree
    definitions: Mapping[str, str | None]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class FlatTemplate:
    """A template with all that it includes.

    :param defaults: defaults that macros have where they stand in record names.
    :param uses: the files it includes itself, in order.
    :param files: file names of the template and of everything included, also by what it includes.
    """

    tree: TemplateTree
    records: tuple[FlatRecord, ...]
    defaults: Mapping[str, str]
    uses: tuple[Use, ...]
    files: frozenset[str]


def flatten(tree: TemplateTree, problems: Problems) -> FlatTemplate:
    """Merge a template and its includes as an IOC would; what it would refuse of them is reported."""
    flattening = _Flattening(problems)
    uses = []
    for included in _walk(tree, flattening):
        if included.tree is not None:
            names = flattening.include(included.tree, included.definitions)
            uses.append(Use(included.tree, included.definitions, frozenset(names)))
    if flattening.elsewhere:
        count, first = len(flattening.elsewhere), next(iter(flattening.elsewhere.values()))
        problems.note(
            "appends-elsewhere",
            first,
            f"adds to {count} records that this template does not have; they are not changed",
        )
    return FlatTemplate(
        tree, tuple(flattening.records.values()), flattening.defaults, tuple(uses), frozenset(_files(tree))
    )


def _files(tree: TemplateTree) -> Iterator[str]:
    yield tree.source.path.name
    for included in tree.includes:
        if included.tree is not None:
            yield from _files(included.tree)


def _walk(tree: TemplateTree, flattening: _Flattening) -> Iterator[IncludeNode]:
    """Take up a file's own records in order, and yield its includes where they stand."""
    for item in tree.database.items:
        if isinstance(item, Record):
            flattening.take(item, tree, {})
        for included in tree.includes:
            if included.statement is item and included.record is None:
                yield included


class _Flattening:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.records: dict[str, FlatRecord] = {}
        self.defaults: dict[str, str] = {}
        self.elsewhere: dict[str, Position] = {}

    def include(self, tree: TemplateTree, definitions: Mapping[str, str | None]) -> Iterator[str]:
        """Take up an included file and what it includes; yields the names of its records."""
        names: list[str] = []
        for item in tree.database.items:
            if isinstance(item, Record):
                names.append(self.take(item, tree, definitions))
            for included in tree.includes:
                if included.statement is item and included.tree is not None and included.record is None:
                    names += self.include(included.tree, included.definitions)
        return iter(names)

    def take(self, item: Record, tree: TemplateTree, definitions: Mapping[str, str | None]) -> str:
        """Add a record or merge a further definition of it; gives its name."""
        scope = Outer(definitions)
        plain = plain_macros(scope.filled(item.name))
        name = plain.text
        self.defaults |= plain.defaults
        at = tree.database.at(item)
        known = self.records.get(name)
        if item.type == "#":
            self.records.pop(name, None)
            return name
        if known is None:
            if item.type == "*":
                self.elsewhere.setdefault(name, at)
                return name
            known = self.records[name] = FlatRecord(name, scope.filled(item.type), at)
        elif item.type not in ("*", known.type):
            self.problems.warning(
                "record-type-conflict",
                at,
                f"{name} is already a {known.type}; this {item.type} is dropped, as an IOC drops it",
                hint=f"the first definition is at {known.at}",
            )
            return name
        self._body(item, known, tree, scope)
        return name

    def _body(self, item: Record, record: FlatRecord, tree: TemplateTree, scope: Outer) -> None:
        for statement in item.body:
            if isinstance(statement, RecordField):
                record.fields[scope.filled(statement.name)] = value_text(scope.filled(statement.raw), statement.form)
            elif isinstance(statement, Info):
                record.infos[statement.name] = value_text(scope.filled(statement.raw), statement.form)
        for included in tree.includes:
            if included.record == item.name and included.tree is not None and included.statement in item.body:
                for inner in included.tree.database.records:
                    self._body(inner, record, included.tree, scope)


class Outer:
    """The macros that msi substitutes for an included file, over those the template is loaded with.

    macLib expands a definition that names itself, such as ``R=$(R)1:``, once within itself, which gives
    ``$(R)1:1:``; the R that is left is the outer one, which the IOC fills in.
    """

    def __init__(self, definitions: Mapping[str, str | None]) -> None:
        marked = {name: _with_outer(name, value) for name, value in definitions.items() if value}
        self._scope = MacroScope({**definitions, **marked}) if definitions else None

    def filled(self, text: str) -> str:
        """Put the substitutions into a text; every other macro stays as written."""
        if self._scope is None or "$" not in text:
            return text
        return _MARKED.sub(r"$(\1)", expand(text, self._scope, only=frozenset(self._scope)))


def _with_outer(name: str, value: str) -> str:
    own = re.compile(rf"\$(?:\({re.escape(name)}\)|\{{{re.escape(name)}\}})")
    marked = own.sub(_mark, value)
    return own.sub(lambda _: marked, value)


def _mark(found: re.Match[str]) -> str:
    return f"\ue000{found[0][2:-1]}\ue001"


_MARKED: Final = re.compile("\ue000([^\ue001]*)\ue001")
