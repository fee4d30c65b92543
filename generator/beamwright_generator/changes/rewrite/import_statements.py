"""Imports of what has another name or module now: the statements that change, and the names they bind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from beamwright_generator.changes.diff.renames import Successors
from beamwright_generator.changes.rewrite.plan_module import UserModule
from beamwright_generator.changes.rewrite.uses import Leftover, Uses

_ANNOTATION = re.compile(r"[\w.\[\], |]+")
"""What a text can hold that is an annotation, or a name of ``__all__``."""


@dataclass(frozen=True, slots=True)
class NewImport:
    """One name as it is imported now.

    :param module: empty where it stays in its statement.
    :param alias: the name that it has in the module, where that is another.
    """

    module: str
    name: str
    alias: str = ""


@dataclass
class ImportChanges:
    """The imports of one module that change.

    :param dropped: names that the module imports already under what they are called now.
    :param added: modules that are imported besides, with the names that are taken from them; none is the module itself.
    """

    changed: dict[cst.ImportAlias, NewImport] = field(default_factory=dict)
    dropped: set[cst.ImportAlias] = field(default_factory=set)
    added: dict[str, set[str]] = field(default_factory=dict)


def find_imports(module: UserModule, successors: Successors, uses: Uses) -> ImportChanges:
    """Look through the imports of a module; the names to replace are added to `uses`."""
    finder = _ImportFinder(module, successors, uses)
    module.tree.visit(finder)
    for statement, alias, full in finder.found:
        finder.change(statement, alias, full)
    for node, full in uses.replaced.items():
        uses.renamed[node] = finder.reached(full)
    return finder.imports


class _ImportFinder(cst.CSTVisitor):
    def __init__(self, module: UserModule, successors: Successors, uses: Uses) -> None:
        self._module, self._successors, self._uses = module, successors, uses
        self._gone = successors.gone
        self.imports = ImportChanges()
        self.found: list[tuple[cst.ImportFrom, cst.ImportAlias, str]] = []
        # What the whole module has: full names, and of those the ones that are not called otherwise in it.
        self._imported: set[str] = set()
        self._imported_plainly: set[str] = set()
        self._bound: dict[str, set[str]] = {}
        self._names: dict[str, list[cst.Name]] = {}
        self._texts: list[str] = []

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: N802
        source = self._module.source_of(node)
        if isinstance(node.names, cst.ImportStar):
            if any(name.rpartition(".")[0] == source for name in self._gone):
                message = f"names of {source} are imported by *, so that they are left alone"
                self._uses.left.append(
                    Leftover("migrate-unproven", self._module.at(node), message, "import them by name")
                )
            return False
        for alias in node.names:
            full = f"{source}.{alias.evaluated_name}"
            self._bound.setdefault(alias.evaluated_alias or alias.evaluated_name, set()).add(full)
            if self._is_for_all(node):
                self._imported.add(full)
                if not alias.asname:
                    self._imported_plainly.add(full)
            if full in self._gone:
                self.found.append((node, alias, full))
        return False

    def _is_for_all(self, node: cst.ImportFrom) -> bool:
        """Tell whether an import stands at the top, so that the whole module has its names."""
        line = self._module.parents[node]
        return isinstance(self._module.parents[line], cst.Module)

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: N802
        for alias in node.names:
            name = alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
            self._bound.setdefault(name, set()).add(alias.evaluated_name)
        return False

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        around = self._module.parents.get(node)
        is_word = (isinstance(around, cst.Attribute) and around.attr is node) or (
            isinstance(around, cst.Arg) and around.keyword is node
        )
        if not is_word:
            self._names.setdefault(node.value, []).append(node)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        if isinstance(node.evaluated_value, str):
            self._texts.append(node.evaluated_value)

    def change(self, statement: cst.ImportFrom, alias: cst.ImportAlias, full: str) -> None:
        """Decide how one imported name changes."""
        at, now = self._module.at(alias), self._successors.of(full)
        self._uses.proven.append(at)
        if not now:
            message = f"{alias.evaluated_name} is gone from {full.rpartition('.')[0]}"
            self._uses.left.append(Leftover("migrate-removed", at, message))
            return
        module, _, short = now.rpartition(".")
        moved = module if module != full.rpartition(".")[0] else ""
        local = alias.evaluated_alias or alias.evaluated_name
        kept = local if local != short else ""
        if not alias.asname and local != short:
            references = self._references(local, full)
            if references is not None and (now in self._imported or self._is_free(short, now)):
                self._uses.renamed |= dict.fromkeys(references, short)
                kept = ""
        if now in self._imported and not kept:
            self.imports.dropped.add(alias)
        else:
            self.imports.changed[alias] = NewImport(moved, short, kept)

    def reached(self, full: str) -> str:
        """Import what an attribute of another module stood for, and give how it is written then."""
        module, _, short = full.rpartition(".")
        moved = any(f"{new.module}.{new.name}" == full and not new.alias for new in self.imports.changed.values())
        if moved or full in self._imported_plainly:
            return short
        if self._is_free(short, full) or short in self.imports.added.get(module, ()):
            self.imports.added.setdefault(module, set()).add(short)
            return short
        self.imports.added.setdefault(module, set())
        return full

    def _references(self, local: str, full: str) -> list[cst.Name] | None:
        """Give every place of a name; None where it may also mean something else, or stands in a text."""
        word = re.compile(rf"(?<![\w.]){re.escape(local)}(?!\w)")
        if any(_ANNOTATION.fullmatch(text) and word.search(text) for text in self._texts):
            return None
        found = []
        for name in self._names.get(local, []):
            meanings = set(self._meanings(name))
            if isinstance(self._module.parents.get(name), cst.NameItem) or (full in meanings and len(meanings) > 1):
                return None
            found += [name] if full in meanings else []
        return found

    def _meanings(self, name: cst.Name) -> Iterator[str]:
        found = list(self._module.assignments(name))
        yield from (self._module.imported(one) for one in found) if found else ("",)

    def _is_free(self, name: str, full: str) -> bool:
        """Tell whether a name means nothing in the module yet, or just what it shall."""
        if not self._bound.get(name, {full}) <= {full}:
            return False
        return name not in self._names and not any(name in names for names in self._module.captured.values())


def new_statements(node: cst.ImportFrom, updated: cst.ImportFrom, imports: ImportChanges) -> list[cst.ImportFrom]:
    """Give the statements that stand for one now.

    :param updated: the statement as it is after other changes.
    """
    assert not isinstance(node.names, cst.ImportStar)
    kept: list[cst.ImportAlias] = []
    moved: dict[str, list[cst.ImportAlias]] = {}
    for alias in node.names:
        new = imports.changed.get(alias)
        if new is None:
            kept += [] if alias in imports.dropped else [alias]
        elif new.module:
            moved.setdefault(new.module, []).append(_alias(new))
        else:
            kept.append(_alias(new).with_changes(comma=alias.comma))
    statements = [updated.with_changes(names=_listed(kept, updated))] if kept else []
    for module, aliases in moved.items():
        ordered = sorted(aliases, key=lambda alias: _isort_key(alias.evaluated_name))
        statements.append(cst.ImportFrom(module=_dotted(module), names=_listed(ordered, None)))
    return statements


def added_statements(imports: ImportChanges) -> list[cst.SimpleStatementLine]:
    """Give the statements that import what is needed besides."""
    statements: list[cst.Import | cst.ImportFrom] = []
    for module, names in sorted(imports.added.items()):
        if names:
            aliases = [_alias(NewImport(module, name)) for name in sorted(names, key=_isort_key)]
            statements.append(cst.ImportFrom(module=_dotted(module), names=_listed(aliases, None)))
        else:
            statements.append(cst.Import(names=[cst.ImportAlias(name=_dotted(module))]))
    return [cst.SimpleStatementLine(body=[statement]) for statement in statements]


def _dotted(module: str) -> cst.Attribute:
    return cst.ensure_type(cst.parse_expression(module), cst.Attribute)


def _listed(aliases: list[cst.ImportAlias], before: cst.ImportFrom | None) -> list[cst.ImportAlias]:
    """Put commas between names, and after the last one only where there was one."""
    ended = (
        before is not None
        and not isinstance(before.names, cst.ImportStar)
        and isinstance(before.names[-1].comma, cst.Comma)
    )
    *first, last = aliases
    listed = [a if isinstance(a.comma, cst.Comma) else a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in first]
    return [*listed, last if ended else last.with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def _alias(new: NewImport) -> cst.ImportAlias:
    asname = cst.AsName(name=cst.Name(new.alias)) if new.alias else None
    return cst.ImportAlias(name=cst.Name(new.name), asname=asname)


def _isort_key(name: str) -> tuple[int, list[tuple[int, int, str]], str]:
    """Order names as isort does: CONSTANTS, Classes, variables; numbers by value, those that begin with 0 first."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts = (part for part in re.split(r"([0-9]+)", name) if part)
    natural = [
        (0, 0 if part[0] == "0" else len(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts
    ]
    return kind, natural, name
