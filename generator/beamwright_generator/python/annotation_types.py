"""What the names in a module stand for: full names by imports, and annotations as types."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from beamwright_generator.python.python_modules import import_targets
from beamwright_generator.python.type_terms import NONE, TypeTerm, union

_WRAPPED = {"typing.Annotated", "typing.Final", "typing.ClassVar", "typing.Required", "typing.NotRequired"}
_BUILTINS = frozenset(dir(builtins))


class ModuleNames:
    """Full names of what a module defines and imports.

    :param module: the import path of the module.
    :param package: it is a package, so that one dot of a relative import is itself.
    """

    def __init__(self, tree: ast.Module, module: str, *, package: bool = False) -> None:
        self.module = module
        package_name = module if package else module.rpartition(".")[0]
        self._names: dict[str, str] = {}
        for node in _top(tree.body):
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self._names[name] = f"{module}.{name}" if module else name
                case ast.Import() | ast.ImportFrom():
                    for name, target in import_targets(node, package_name).items():
                        self._names[name] = f"{target.module}.{target.name}" if target.name else target.module
                case _:
                    pass

    def full(self, name: str) -> str:
        """Return the full name of a dotted name; one that is not known as it is."""
        first, dot, rest = name.partition(".")
        known = self._names.get(first)
        if known is not None:
            return f"{known}{dot}{rest}"
        return name if first in _BUILTINS or not self.module else f"{self.module}.{name}"

    def term(self, node: ast.expr) -> TypeTerm:
        """Return the type that an annotation stands for; what cannot be read is a type of its own text."""
        match node:
            case ast.Constant(value=None):
                return TypeTerm(NONE)
            case ast.Constant(value=builtins.Ellipsis):
                return TypeTerm("...")
            case ast.Constant(value=str(text)):
                return self._quoted(text)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return union(self.term(left), self.term(right))
            case ast.Subscript(value=value, slice=inner):
                return self._subscript(self.full(ast.unparse(value)), inner)
            case ast.List(elts=elements):
                return TypeTerm("[]", tuple(map(self.term, elements)))
            case ast.Name() | ast.Attribute():
                return TypeTerm(self.full(ast.unparse(node)))
        return TypeTerm(ast.unparse(node))

    def _quoted(self, text: str) -> TypeTerm:
        try:
            return self.term(ast.parse(text.strip(), mode="eval").body)
        except SyntaxError:
            return TypeTerm(text)

    def _subscript(self, name: str, inner: ast.expr) -> TypeTerm:
        elements = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name == "typing.Optional":
            return union(self.term(elements[0]), TypeTerm(NONE))
        if name == "typing.Union":
            return union(*map(self.term, elements))
        if name in _WRAPPED or name.rpartition(".")[2] == "Annotated":
            return self.term(elements[0])
        if name.rpartition(".")[2] == "Literal":
            return TypeTerm(name)
        return TypeTerm(name, tuple(map(self.term, elements)))


def _top(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, also those under ``if TYPE_CHECKING`` and ``try``."""
    for statement in statements:
        yield statement
        match statement:
            case ast.If(body=body, orelse=other) | ast.Try(body=body, orelse=other):
                yield from _top([*body, *other])
            case _:
                pass
