"""Finds and reads Python modules without running them, and knows what each name of a module stands for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.description_files import DescriptionFiles

UNREAD: Final = frozenset({"numpy", "pydantic", "bluesky", "scanspec", "aioca", "p4p"}) | sys.stdlib_module_names
"""Packages that declare no device: their names are enough."""


@dataclass(frozen=True)
class Imported:
    """A name that another module defines; without `name` it is that module itself."""

    module: str
    name: str = ""


Bound = cst.ClassDef | cst.FunctionDef | cst.BaseExpression | Imported
"""What a name at the top of a module stands for, before anything is looked up."""


@dataclass(eq=False)
class Module:
    """One module, read and not run.

    :param package: what relative imports count from.
    """

    name: str
    package: str
    source: Source
    tree: cst.Module = field(repr=False)

    @cached_property
    def _wrapped(self) -> MetadataWrapper:
        return MetadataWrapper(self.tree, unsafe_skip_copy=True)

    def at(self, node: cst.CSTNode) -> Position:
        """Give the place of a node."""
        start = self._wrapped.resolve(PositionProvider)[node].start
        return Position(self.source.name, start.line, start.column + 1)

    @cached_property
    def bindings(self) -> dict[str, Bound]:
        """What the names at the top stand for; where branches differ, that of the first."""
        found: dict[str, Bound] = {}
        for statement in statements(self.tree.body):
            for name, bound in self._bound(statement):
                if isinstance(bound, Imported) or name not in found:
                    found[name] = bound
        return found

    @cached_property
    def stars(self) -> tuple[str, ...]:
        """The modules that everything is imported from."""
        imports = (s for s in statements(self.tree.body) if isinstance(s, cst.ImportFrom))
        return tuple(self._from(one) for one in imports if isinstance(one.names, cst.ImportStar))

    @property
    def classes(self) -> list[str]:
        """Name the classes that stand here, in order."""
        return [name for name, bound in self.bindings.items() if isinstance(bound, cst.ClassDef)]

    def _bound(self, statement: cst.CSTNode) -> Iterator[tuple[str, Bound]]:
        match statement:
            case cst.ClassDef(name=name) | cst.FunctionDef(name=name):
                yield name.value, statement
            case cst.Assign(targets=targets, value=value):
                yield from ((t.target.value, value) for t in targets if isinstance(t.target, cst.Name))
            case cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression() as value):
                yield name, value
            case cst.Import(names=names):
                for alias in names:
                    dotted = _dotted(alias.name)
                    yield (
                        alias.evaluated_alias or dotted.partition(".")[0],
                        Imported(dotted if alias.evaluated_alias else dotted.partition(".")[0]),
                    )
            case cst.ImportFrom(names=names) if not isinstance(names, cst.ImportStar):
                for alias in names:
                    yield (
                        alias.evaluated_alias or _dotted(alias.name),
                        Imported(self._from(statement), _dotted(alias.name)),
                    )
            case _:
                return

    def _from(self, statement: cst.ImportFrom) -> str:
        named = _dotted(statement.module) if statement.module else ""
        if not statement.relative:
            return named
        parts = self.package.split(".")
        parts = parts[: len(parts) - len(statement.relative) + 1]
        return ".".join((*parts, named) if named else parts)


def _dotted(name: cst.BaseExpression) -> str:
    if isinstance(name, cst.Attribute):
        return f"{_dotted(name.value)}.{name.attr.value}"
    return name.value if isinstance(name, cst.Name) else ""


def statements(body: Sequence[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """Give the statements of a body, those inside `if`, `try` and `with` at the same level too."""
    for item in body:
        match item:
            case cst.SimpleStatementLine(body=small):
                yield from small
            case cst.If() | cst.Try() | cst.With():
                yield from _inner(item)
            case _:
                yield item


def _inner(item: cst.If | cst.Try | cst.With) -> Iterator[cst.CSTNode]:
    yield from statements(item.body.body)
    if isinstance(item, cst.If) and item.orelse is not None:
        other = item.orelse
        yield from statements([other] if isinstance(other, cst.If) else other.body.body)
    if isinstance(item, cst.Try):
        for handler in item.handlers:
            yield from statements(handler.body.body)


class Modules:
    """Finds modules by name along folders, as an import would, and reads each once.

    :param folders: where packages are, in order; nothing else is searched.
    """

    def __init__(self, files: DescriptionFiles, folders: Sequence[Path]) -> None:
        self.files = files
        self.folders = [str(folder) for folder in folders]
        self._read: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Read a module; None where there is none, or it is no Python source."""
        if name not in self._read:
            self._read[name] = None
            path = self._path(name)
            self._read[name] = self.load(name, path) if path else None
        return self._read[name]

    def load(self, name: str, path: Path) -> Module | None:
        """Read a module from a file; None, and a problem, where it is not Python."""
        self.files.roots = (*self.files.roots, path.resolve().parent)
        source = self.files.read(path)
        if source is None:
            return None
        try:
            tree = cst.parse_module(source.text)
        except cst.ParserSyntaxError as error:
            at = Position(source.name, error.raw_line, error.raw_column + 1)
            self.files.problems.error("audit-source", at, f"{source.name} is not Python", hint="run it once")
            return None
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        found = self._read[name] = Module(name, package, source, tree)
        return found

    def inside(self, name: str) -> list[str]:
        """Name a module and, of a package, every module inside it."""
        path = self._path(name)
        if path is None or path.name != "__init__.py":
            return [name]
        found = [name]
        for file in sorted(path.parent.rglob("*.py")):
            parts = file.relative_to(path.parent).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts:
                found.append(".".join((name, *parts)))
        return found

    def _path(self, name: str) -> Path | None:
        folders: Sequence[str] | None = self.folders
        spec = None
        if name.partition(".")[0] in UNREAD:
            return None
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            if not folders:
                return None
            spec = PathFinder.find_spec(".".join(parts[:count]), folders)
            if spec is None:
                return None
            folders = list(spec.submodule_search_locations) if spec.submodule_search_locations is not None else None
        origin = spec.origin if spec else None
        return Path(origin) if origin and origin.endswith(".py") else None
