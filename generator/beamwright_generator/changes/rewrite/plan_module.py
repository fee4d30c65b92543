"""A module of somebody's plans: its syntax tree, its scopes, and the full names of what it imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import (
    Assignment,
    BaseAssignment,
    ImportAssignment,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    Scope,
    ScopeProvider,
)

from beamwright_generator.basics.source_text import Position
from beamwright_generator.python.python_modules import absolute_module, import_path


class UserModule:
    """A parsed module.

    :param name: how users see the file.
    :param module: its import path, as far as the folders say it.
    :raises libcst.ParserSyntaxError: if it is not Python.
    """

    def __init__(self, path: Path, name: str, content: bytes) -> None:
        self.path, self.name, self.content = path, name, content
        self.module = import_path(path)
        self._wrapper = MetadataWrapper(cst.parse_module(content), unsafe_skip_copy=True)
        self.tree = self._wrapper.module
        self._added: dict[cst.CSTNode, Scope] = {}

    @cached_property
    def _scopes(self) -> dict[cst.CSTNode, object]:
        return dict(self._wrapper.resolve(ScopeProvider))

    @cached_property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        """The node around each node."""
        return dict(self._wrapper.resolve(ParentNodeProvider))

    @cached_property
    def captured(self) -> Mapping[cst.CSTNode | None, frozenset[str]]:
        """Names that patterns of `match` bind, which scopes do not know, by the function or class around them."""
        finder = _PatternNames()
        self.tree.visit(finder)
        return {around: frozenset(names) for around, names in finder.names.items()}

    def at(self, node: cst.CSTNode) -> Position:
        """Give where a node begins."""
        start = self._wrapper.resolve(PositionProvider)[node].start
        return Position(self.name, start.line, start.column + 1)

    def scope(self, node: cst.CSTNode) -> Scope | None:
        """Give the scope that a name is looked up from."""
        found = self._added.get(node, self._scopes.get(node))
        return found if isinstance(found, Scope) else None

    def quoted(self, node: cst.SimpleString) -> cst.BaseExpression | None:
        """Parse an annotation that is written as a text."""
        text, scope = node.evaluated_value, self.scope(node)
        try:
            inner = cst.parse_expression(text.strip()) if isinstance(text, str) else None
        except cst.ParserSyntaxError:
            return None
        if inner is not None and scope is not None:
            adder = _ScopeAdder(self._added, scope)
            inner.visit(adder)
        return inner

    def assignments(self, node: cst.Name) -> Iterable[BaseAssignment]:
        """Give everything that a name may have been bound by."""
        scope = self.scope(node)
        if scope is None or self._is_captured(node.value, scope) or node.value not in scope:
            return ()
        return scope[node.value]

    def _is_captured(self, name: str, scope: Scope) -> bool:
        """Tell whether a pattern binds a name before a scope further out is asked."""
        while True:
            if name in self.captured.get(getattr(scope, "node", None), ()):
                return True
            if scope.parent is scope or (name in scope and any(a.scope is scope for a in scope[name])):
                return False
            scope = scope.parent

    def imported(self, assignment: BaseAssignment) -> str:
        """Give the full name of what an import binds; empty for other assignments."""
        if not isinstance(assignment, ImportAssignment):
            return ""
        if isinstance(assignment.node, cst.Import):
            alias = next((a for a in assignment.node.names if a.asname and a.evaluated_alias == assignment.name), None)
            return (get_full_name_for_node(alias.name) or "") if alias else assignment.name.partition(".")[0]
        if not isinstance(assignment.node, cst.ImportFrom) or isinstance(assignment.node.names, cst.ImportStar):
            return ""
        source = self.source_of(assignment.node)
        for alias in assignment.node.names:
            if (alias.evaluated_alias or alias.evaluated_name) == assignment.name:
                return f"{source}.{alias.evaluated_name}"
        return ""

    def source_of(self, node: cst.ImportFrom) -> str:
        """Give the full name of the module that a ``from`` import reads."""
        named = get_full_name_for_node(node.module) if node.module else ""
        package = self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]
        return absolute_module(package, named or "", len(node.relative))


def bound_node(assignment: BaseAssignment) -> cst.CSTNode | None:
    """Give the node that an assignment was made by: a name, a parameter, a function, a class."""
    return assignment.node if isinstance(assignment, Assignment) else None


class _PatternNames(cst.CSTVisitor):
    def __init__(self) -> None:
        self.names: dict[cst.CSTNode | None, set[str]] = {}
        self._around: list[cst.CSTNode | None] = [None]

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
        self._around.append(node)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        self._around.pop()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802
        self._around.append(node)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:  # noqa: N802
        self._around.pop()

    def visit_MatchAs(self, node: cst.MatchAs) -> None:  # noqa: N802
        self._keep(node.name)

    def visit_MatchStar(self, node: cst.MatchStar) -> None:  # noqa: N802
        self._keep(node.name)

    def visit_MatchMapping(self, node: cst.MatchMapping) -> None:  # noqa: N802
        self._keep(node.rest)

    def _keep(self, name: cst.Name | None) -> None:
        if name is not None:
            self.names.setdefault(self._around[-1], set()).add(name.value)


class _ScopeAdder(cst.CSTVisitor):
    def __init__(self, scopes: dict[cst.CSTNode, Scope], scope: Scope) -> None:
        self._to, self._scope = scopes, scope

    def on_visit(self, node: cst.CSTNode) -> bool:
        self._to[node] = self._scope
        return True
