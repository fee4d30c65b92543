"""What the names in a plan may be, from everything that binds them: annotations, assignments, loops, imports."""

from __future__ import annotations

import libcst as cst
from libcst.metadata import BaseAssignment, BuiltinAssignment, ImportAssignment

from beamwright_generator.changes.rewrite import known_types
from beamwright_generator.changes.rewrite.infer import Infer
from beamwright_generator.changes.rewrite.known_types import Known
from beamwright_generator.changes.rewrite.plan_classes import UserClasses
from beamwright_generator.changes.rewrite.plan_module import UserModule, bound_node
from beamwright_generator.python.type_terms import TypeTerm


class Bindings:
    """Finds what names are bound to in one module."""

    def __init__(self, infer: Infer, module: UserModule, classes: UserClasses) -> None:
        self._infer = infer
        self._module = module
        self._classes = classes

    def of(self, name: cst.Name) -> Known:
        """Return the type of a name: what is annotated holds, else all that binds it must be known."""
        found = list(self._module.assignments(name))
        if not found:
            return None
        declared = {self._declared(one) for one in found} - {False}
        if declared:
            only = declared.pop()
            return only if not declared and isinstance(only, TypeTerm) else None
        return known_types.any_of([self._bound(one) for one in found])

    def _declared(self, assignment: BaseAssignment) -> Known | bool:
        """Return the annotated type; False where there is no annotation, and None where it says too little."""
        node = bound_node(assignment)
        if isinstance(node, cst.Param) and node.annotation is not None:
            return self._parameter(node, self._infer.annotated(node.annotation))
        if isinstance(node, cst.Name):
            around = self._module.parents.get(node)
            if isinstance(around, cst.AnnAssign) and around.target is node:
                return self._infer.annotated(around.annotation)
        return False

    def _parameter(self, node: cst.Param, known: Known) -> Known:
        if known is None or not isinstance(node.star, str):
            return known
        match node.star:
            case "*":
                return TypeTerm("tuple", (known, TypeTerm("...")))
            case "**":
                return TypeTerm("dict", (known_types.FOREIGN, known))
            case _:
                return known

    def _bound(self, assignment: BaseAssignment) -> Known:
        if isinstance(assignment, BuiltinAssignment):
            return TypeTerm("(name)", (TypeTerm(f"builtins.{assignment.name}"),))
        if isinstance(assignment, ImportAssignment):
            full = self._module.imported(assignment)
            return self._infer.named(full) if full else None
        node = bound_node(assignment)
        match node:
            case cst.ClassDef():
                return self._classes.defined(node)
            case cst.FunctionDef():
                return self._infer.function(node)
            case cst.Param():
                return self._first_parameter(node)
            case cst.Name():
                return self._target(node)
        return None

    def _first_parameter(self, node: cst.Param) -> Known:
        """Return what `self` and `cls` are."""
        parents = self._module.parents
        parameters = parents.get(node)
        function = parents.get(parameters) if parameters is not None else None
        if not isinstance(parameters, cst.Parameters) or not isinstance(function, cst.FunctionDef):
            return None
        listed = [*parameters.posonly_params, *parameters.params]
        owner = self._classes.around(function)
        if owner is None or not listed or listed[0] is not node:
            return None
        named = {d.decorator.value for d in function.decorators if isinstance(d.decorator, cst.Name)}
        if "staticmethod" in named:
            return None
        known = self._classes.defined(owner)
        instance = known.arguments[0] if known and known.arguments else None
        return known if "classmethod" in named or function.name.value == "__new__" else instance

    def _target(self, node: cst.CSTNode) -> Known:
        """Return what is assigned to a name, also as a part of a tuple."""
        around = self._module.parents.get(node)
        match around:
            case cst.AssignTarget():
                statement = self._module.parents.get(around)
                return self._infer.of(statement.value) if isinstance(statement, cst.Assign) else None
            case cst.NamedExpr(value=value):
                return self._infer.of(value)
            case cst.For(iter=over) | cst.CompFor(iter=over):
                return known_types.element_of(self._infer.of(over))
            case cst.Element():
                listed = self._module.parents.get(around)
                if not isinstance(listed, cst.Tuple | cst.List) or any(
                    isinstance(e, cst.StarredElement) for e in listed.elements
                ):
                    return None
                whole = self._target(listed)
                found = known_types.entry_of(whole, list(listed.elements).index(around))
                return None if found == known_types.UNKNOWN else found
        return None
