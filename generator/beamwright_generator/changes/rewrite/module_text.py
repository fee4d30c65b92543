"""A module of plans with other names in it; everything else stays as it is, to the letter."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import libcst as cst

from beamwright_generator.changes.rewrite.import_statements import ImportChanges, added_statements, new_statements
from beamwright_generator.changes.rewrite.plan_module import UserModule
from beamwright_generator.problems import InternalError


def rewritten(module: UserModule, renamed: Mapping[cst.CSTNode, str], imports: ImportChanges) -> bytes:
    """Give the new content of a file, in its encoding and with its line ends.

    :param renamed: the names that get another text.
    :raises InternalError: if what comes out is not Python.
    """
    if not renamed and not imports.changed and not imports.dropped and not imports.added:
        return module.content
    content = module.tree.visit(_Rewriter(renamed, imports, module.parents))
    assert isinstance(content, cst.Module)
    try:
        ast.parse(content.bytes)
    except SyntaxError as error:
        raise InternalError(f"{module.name} would not be Python any more: {error}") from error
    return content.bytes


class _Rewriter(cst.CSTTransformer):
    def __init__(
        self, renamed: Mapping[cst.CSTNode, str], imports: ImportChanges, parents: Mapping[cst.CSTNode, cst.CSTNode]
    ) -> None:
        self._renamed, self._imports, self._parents = renamed, imports, parents

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:  # noqa: N802
        new = self._renamed.get(original_node)
        return updated_node.with_changes(value=new) if new else updated_node

    def leave_Attribute(  # noqa: N802
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        new = self._renamed.get(original_node)
        return cst.parse_expression(new) if new else updated_node

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:  # noqa: N802
        added = added_statements(self._imports)
        body = list(updated_node.body)
        if not added:
            return updated_node
        # Behind the imports at the top: code between them and later ones may need the names already.
        end = next((n for n, line in enumerate(body) if not _may_stand_before(line)), len(body))
        behind = max((n for n, line in enumerate(body[:end], 1) if _is_import(line)), default=end)
        return updated_node.with_changes(body=[*body[:behind], *added, *body[behind:]])

    def leave_SimpleStatementLine(  # noqa: N802
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine] | cst.RemovalSentinel:
        lines = [updated_node.with_changes(body=[])]
        for before, now in zip(original_node.body, updated_node.body, strict=True):
            if not isinstance(before, cst.ImportFrom) or not self._changes(before):
                lines[-1] = lines[-1].with_changes(body=[*lines[-1].body, now])
                continue
            stand = new_statements(before, cst.ensure_type(now, cst.ImportFrom), self._imports)
            for number, statement in enumerate(stand):
                if number == 0:
                    lines[-1] = lines[-1].with_changes(body=[*lines[-1].body, statement])
                else:
                    lines.append(cst.SimpleStatementLine(body=[statement]))
        kept = [line for line in lines if line.body]
        if not kept:
            in_block = isinstance(self._parents[original_node], cst.IndentedBlock)
            return updated_node.with_changes(body=[cst.Pass()]) if in_block else cst.RemoveFromParent()
        return kept[0] if len(kept) == 1 else cst.FlattenSentinel(kept)

    def _changes(self, node: cst.ImportFrom) -> bool:
        touched = self._imports.changed.keys() | self._imports.dropped
        return not isinstance(node.names, cst.ImportStar) and any(alias in touched for alias in node.names)


def _is_import(line: cst.CSTNode) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Import | cst.ImportFrom)


def _may_stand_before(line: cst.CSTNode) -> bool:
    """Tell whether a statement may stand among the first imports: an import, a docstring, a condition of imports."""
    if isinstance(line, cst.If | cst.Try):
        return True
    return _is_import(line) or (isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Expr))
