"""Classes that plans define themselves: their attributes, and what they inherit from generated ones."""

from __future__ import annotations

from collections.abc import Set

import libcst as cst

from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.rewrite import known_types
from beamwright_generator.changes.rewrite.infer import Infer
from beamwright_generator.changes.rewrite.known_types import FOREIGN, Known
from beamwright_generator.changes.rewrite.plan_module import UserModule
from beamwright_generator.python.type_terms import TypeTerm

MARK = "(class) "
"""Before the name of a class of the module itself, which no import path can have."""


class UserClasses:
    """The classes that one module defines."""

    def __init__(self, infer: Infer, module: UserModule, interface: Interface, subclasses: Set[str]) -> None:
        self._infer = infer
        self._module = module
        self._interface = interface
        self._subclasses = subclasses
        self._nodes: dict[str, cst.ClassDef] = {}

    def defined(self, node: cst.ClassDef) -> Known:
        """Return what the name of a class is."""
        at = self._module.at(node)
        full = f"{self._module.module}.{node.name.value}"
        interface = self._interface
        if full not in self._subclasses and (full in interface.classes or full in interface.enums):
            return known_types.type_of(TypeTerm(full))
        name = f"{MARK}{at.line}:{at.column}.{node.name.value}"
        self._nodes[name] = node
        return known_types.type_of(TypeTerm(name))

    def knows(self, name: str) -> bool:
        """Return whether a name is that of a class of the module."""
        return name in self._nodes

    def around(self, function: cst.CSTNode) -> cst.ClassDef | None:
        """Return the class that a function is a method of."""
        parents = self._module.parents
        block = parents.get(function)
        owner = parents.get(block) if block is not None else None
        return owner if isinstance(owner, cst.ClassDef) else None

    def attribute(self, name: str, attribute: str) -> Known:
        """Return the type of an attribute: declared, assigned to `self`, or inherited."""
        own = self._own(self._nodes[name], attribute)
        if not isinstance(own, bool):
            return own
        for base in self.bases(name):
            if base is None:
                return None
            known = self._infer.attribute(base, attribute)
            if known != FOREIGN:
                return known
        return FOREIGN

    def bases(self, name: str) -> list[Known]:
        """Return the instance types of the bases; None for one that may be anything."""
        found: list[Known] = []
        for base in self._nodes[name].bases:
            known = self._infer.annotated(base.value)
            if known and known.short in ("Generic", "Protocol"):
                continue
            found.append(known)
        return found

    def above(self, node: cst.CSTNode) -> Known:
        """Return what `super()` is in a method: the one base of the class around it."""
        around: cst.CSTNode | None = node
        while around is not None and not isinstance(around, cst.ClassDef):
            around = self._module.parents.get(around)
        known = self.defined(around) if around is not None else None
        bases = self.bases(known.arguments[0].name) if known and self.knows(known.arguments[0].name) else []
        return bases[0] if len(bases) == 1 else None

    def declares(self, name: str, attribute: str) -> bool:
        """Return whether a class of the module defines an attribute itself."""
        return self._own(self._nodes[name], attribute) is not False

    def _own(self, node: cst.ClassDef, attribute: str) -> Known | bool:
        """Return the type of an attribute that the class itself has; False where it has none."""
        finder = _Attributes(attribute)
        node.body.visit(finder)
        if finder.annotation is not None:
            return self._infer.annotated(finder.annotation)
        if finder.method is not None:
            known = self._infer.function(finder.method)
            is_property = any(
                isinstance(d.decorator, cst.Name) and d.decorator.value in ("property", "cached_property")
                for d in finder.method.decorators
            )
            return known.arguments[0] if known and is_property else known
        if finder.unclear:
            return None
        if finder.assigned:
            return known_types.any_of([self._infer.of(value) for value in finder.assigned])
        return False


class _Attributes(cst.CSTVisitor):
    """Collects what a class says of one attribute, in its body and in its methods."""

    def __init__(self, attribute: str) -> None:
        self._attribute = attribute
        self._depth = 0
        self.annotation: cst.Annotation | None = None
        self.method: cst.FunctionDef | None = None
        self.assigned: list[cst.BaseExpression] = []
        self.unclear = False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:  # noqa: N802
        return False

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: N802
        if self._depth == 0 and node.name.value == self._attribute:
            self.method = node
        self._depth += 1
        return self._depth == 1

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        self._depth -= 1

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802
        if self._is_it(node.target):
            self.annotation = node.annotation

    def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802
        if any(self._is_it(target.target) for target in node.targets):
            self.assigned.append(node.value)
        self.unclear = self.unclear or any(self._is_within(target.target) for target in node.targets)

    def visit_For(self, node: cst.For) -> None:  # noqa: N802
        self.unclear = self.unclear or self._is_it(node.target) or self._is_within(node.target)

    def visit_AsName(self, node: cst.AsName) -> None:  # noqa: N802
        self.unclear = self.unclear or self._is_it(node.name)

    def _is_within(self, target: cst.BaseExpression) -> bool:
        parts = target.elements if isinstance(target, cst.Tuple | cst.List) else ()
        return any(self._is_it(part.value) or self._is_within(part.value) for part in parts)

    def _is_it(self, target: cst.BaseExpression) -> bool:
        match target:
            case cst.Name(value=name):
                return self._depth == 0 and name == self._attribute
            case cst.Attribute(value=cst.Name(value="self"), attr=cst.Name(value=name)):
                return self._depth > 0 and name == self._attribute
        return False
