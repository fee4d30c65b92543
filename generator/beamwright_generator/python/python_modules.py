"""Finds and reads Python modules without running them, and knows what each name of a module stands for."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.description_files import DescriptionFiles

UNREAD: Final = frozenset({"numpy", "pydantic", "bluesky", "scanspec", "aioca", "p4p"}) | sys.stdlib_module_names
"""Packages that declare no device: their names are enough."""


@dataclass(frozen=True)
class ImportTarget:
    """What an import names; without `name` it is the module itself."""

    module: str
    name: str = ""


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr | ImportTarget
"""What a name at the top of a module stands for, before anything is looked up."""


@dataclass(eq=False)
class Module:
    """One module, read and not run.

    :param package: what relative imports count from.
    """

    name: str
    package: str
    source: Source
    tree: ast.Module = field(repr=False)

    @cached_property
    def _lines(self) -> list[str]:
        return self.source.text.split("\n")

    def at(self, node: ast.stmt | ast.expr) -> Position:
        """Return the place of a node; that of a class is its name."""
        before = node.col_offset  # in bytes
        column = len(self._lines[node.lineno - 1].encode()[:before].decode()) + 1
        return Position(
            self.source.name, node.lineno, column + (len("class ") if isinstance(node, ast.ClassDef) else 0)
        )

    @cached_property
    def bindings(self) -> dict[str, Definition]:
        """What the names at the top stand for; where branches differ, that of the first."""
        found: dict[str, Definition] = {}
        for statement in statements(self.tree.body):
            for name, bound in self._bound(statement):
                if isinstance(bound, ImportTarget) or name not in found:
                    found[name] = bound
        return found

    @cached_property
    def stars(self) -> tuple[str, ...]:
        """The modules that everything is imported from."""
        imports = (s for s in statements(self.tree.body) if isinstance(s, ast.ImportFrom))
        return tuple(imported_from(self.package, one) for one in imports if one.names[0].name == "*")

    @property
    def classes(self) -> list[str]:
        """Name the classes that stand here, in order."""
        return [name for name, bound in self.bindings.items() if isinstance(bound, ast.ClassDef)]

    def _bound(self, statement: ast.stmt) -> Iterator[tuple[str, Definition]]:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, statement
            case ast.Assign(targets=targets, value=value):
                yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.Import() | ast.ImportFrom():
                yield from import_targets(statement, self.package).items()
            case _:
                return


def import_targets(statement: ast.Import | ast.ImportFrom, package: str) -> dict[str, ImportTarget]:
    """Return what each name that an import binds stands for.

    :param package: what relative imports count from.
    """
    if isinstance(statement, ast.ImportFrom):
        module = imported_from(package, statement)
        return {one.asname or one.name: ImportTarget(module, one.name) for one in statement.names if one.name != "*"}
    first = {one.name: one.name.partition(".")[0] for one in statement.names}
    return {
        one.asname or first[one.name]: ImportTarget(one.name if one.asname else first[one.name])
        for one in statement.names
    }


def imported_from(package: str, statement: ast.ImportFrom) -> str:
    """Return the full name of the module that a `from` import reads."""
    return absolute_module(package, statement.module or "", statement.level)


def absolute_module(package: str, module: str, level: int) -> str:
    """Return the full name of a module that an import names.

    :param level: the number of dots before it.
    """
    if not level:
        return module
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body, those inside `if`, `try` and `with` at the same level too."""
    for item in body:
        match item:
            case ast.If(body=inner, orelse=other):
                yield from statements([*inner, *other])
            case ast.Try(body=inner, handlers=handlers):
                yield from statements([*inner, *(one for handler in handlers for one in handler.body)])
            case ast.With(body=inner):
                yield from statements(inner)
            case _:
                yield item


class ModuleFinder:
    """Finds modules by name along folders, as an import would, and reads each once.

    :param folders: where packages are, in order; nothing else is searched.
    """

    def __init__(self, files: DescriptionFiles, folders: Sequence[Path]) -> None:
        self.files = files
        self.folders = [str(folder) for folder in folders]
        self._read: dict[str, Module | None] = {}

    def open(self, wanted: str) -> Module | None:
        """Read a module by its dotted name or its file; the packages around a file are found from it."""
        if not wanted.endswith(".py"):
            return self.module(wanted)
        path = Path(wanted)
        if not path.is_file():
            return None
        name = import_path(path)
        packages = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        self.folders.insert(0, str(path.resolve().parents[len(packages)]))
        return self.load(name, path)

    def module(self, name: str) -> Module | None:
        """Read a module; None where there is none, or it is not Python source."""
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
            with warnings.catch_warnings(action="ignore"):  # of the code that is read, such as on odd escapes
                tree = ast.parse(source.text)
        except (SyntaxError, ValueError, RecursionError) as error:
            at = Position(source.name, getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1)
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


def import_path(path: Path) -> str:
    """Return the import path of a file, by the packages that it lies in."""
    resolved = path.resolve()
    parts = [] if resolved.name == "__init__.py" else [resolved.stem]
    folder = resolved.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)
