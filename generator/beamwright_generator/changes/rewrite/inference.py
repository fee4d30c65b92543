"""The types of expressions in a plan, as far as they can be proven; whatever is in doubt is not known."""

from __future__ import annotations

from collections.abc import Iterator, Set

import libcst as cst

from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.rewrite import known_types
from beamwright_generator.changes.rewrite.bindings import Bindings
from beamwright_generator.changes.rewrite.known_types import FOREIGN, Known
from beamwright_generator.changes.rewrite.plan_classes import UserClasses
from beamwright_generator.changes.rewrite.plan_module import UserModule
from beamwright_generator.python.type_terms import NONE, UNION, TypeTerm, union

ENSURE_CONNECTED = "beamwright_runtime.plans.ensure_connected"
_TRANSPARENT = ("beamwright_runtime.", "bluesky.", "functools.", "ophyd_async.", "pydantic.")
"""Decorators from here leave what a function gives as its annotation says."""


class Prover:
    """Finds the types of expressions of one module.

    :param interface: devices, classes and enums by full names.
    :param subclasses: those of its classes that other modules of plans define, and that may have more than is known.
    """

    def __init__(self, module: UserModule, interface: Interface, subclasses: Set[str] = frozenset()) -> None:
        self.module, self.interface, self.subclasses = module, interface, subclasses
        self.classes = UserClasses(self, module, interface, subclasses)
        self._bindings = Bindings(self, module, self.classes)
        self._proven: dict[cst.CSTNode, Known] = {}
        self._open: set[cst.CSTNode] = set()

    def of(self, node: cst.CSTNode) -> Known:
        """Return the type of an expression."""
        if node in self._proven:
            return self._proven[node]
        if node in self._open:  # defined by itself
            return None
        self._open.add(node)
        try:
            known = self._of(node)
            known = None if known == known_types.UNKNOWN else known
        finally:
            self._open.discard(node)
        self._proven[node] = known
        return known

    def _of(self, node: cst.CSTNode) -> Known:
        match node:
            case cst.Name():
                return self._name(node)
            case cst.Attribute(value=owner, attr=cst.Name(value=attribute)):
                return self.attribute(self.of(owner), attribute)
            case cst.Call():
                return self._call(node)
            case cst.Subscript():
                return self._subscript(node)
            case cst.Yield(value=cst.From(item=plan)):
                return known_types.result_of(self.of(plan))
            case cst.Await(expression=inner):
                return known_types.awaited(self.of(inner))
            case cst.NamedExpr(value=inner):
                return self.of(inner)
            case cst.IfExp(body=one, orelse=other):
                return known_types.any_of([self.of(one), self.of(other)])
            case cst.BooleanOperation(left=one, right=other):
                return known_types.any_of([self.of(one), self.of(other)])
        return self._display(node)

    def _display(self, node: cst.CSTNode) -> Known:
        """Return the type of what is written out: a number, a text, a list."""
        match node:
            case cst.Tuple(elements=elements) if not any(isinstance(e, cst.StarredElement) for e in elements):
                return TypeTerm("tuple", tuple(self.of(e.value) or known_types.UNKNOWN for e in elements))
            case cst.Tuple(elements=elements) | cst.List(elements=elements) | cst.Set(elements=elements):
                inner = known_types.any_of(self._listed(e) for e in elements)
                return TypeTerm("list", (inner,)) if inner else None
            case cst.Dict(elements=elements) if not any(isinstance(e, cst.StarredDictElement) for e in elements):
                inner = known_types.any_of(self.of(e.value) for e in elements)
                return TypeTerm("dict", (FOREIGN, inner)) if inner else None
            case cst.ListComp(elt=element) | cst.SetComp(elt=element) | cst.GeneratorExp(elt=element):
                inner = self.of(element)
                return TypeTerm("list", (inner,)) if inner else None
            case cst.BaseNumber() | cst.BaseString() | cst.Comparison():
                return FOREIGN
        return None

    def _listed(self, element: cst.BaseElement) -> Known:
        known = self.of(element.value)
        return known_types.element_of(known) if isinstance(element, cst.StarredElement) else known

    # -- names and attributes

    def _name(self, node: cst.Name) -> Known:
        if node.value == "None":
            return TypeTerm(NONE)
        return self._bindings.of(node)

    def named(self, full: str) -> Known:
        """Return what a full name stands for."""
        known = self.interface
        if known.class_of(full) or known.enum_of(full):
            return known_types.type_of(TypeTerm(full))
        if full in known.factories:
            return known_types.factory(full)
        if any(name == full or name.startswith(f"{full}.") for name in known.modules):
            return known_types.module(full)
        return TypeTerm("(name)", (TypeTerm(full),))

    def attribute(self, owner: Known, attribute: str) -> Known:
        """Return the type of an attribute of some value."""
        if owner is None or owner == FOREIGN:
            return owner
        if owner.name == UNION:
            return known_types.any_of(self.attribute(one, attribute) for one in known_types.alternatives(owner))
        match owner.name:
            case "(module)":
                return self.named(f"{owner.arguments[0].name}.{attribute}")
            case "(name)":
                full = owner.arguments[0].name
                return self.named(f"{full}.{attribute}") if known_types.is_apart(full) else None
            case "(factory)":
                return self.interface.factories[owner.arguments[0].name].type if attribute == "device" else FOREIGN
            case "type":
                enum = self.interface.enum_of(owner.arguments[0].name)
                return owner.arguments[0] if enum and attribute in enum.states else FOREIGN
            case _:
                return self._member(owner, attribute)

    def _member(self, owner: TypeTerm, attribute: str) -> Known:
        if self.classes.knows(owner.name):
            return self.classes.attribute(owner.name, attribute)
        known = self.interface.class_of(owner.name)
        if known is None:
            return FOREIGN if known_types.is_apart(owner.name) else None
        member = self.interface.members_of(owner.name).get(attribute)
        if member is None:
            return None if owner.name in self.subclasses else FOREIGN
        return member.type

    def lineage(self, owner: str, attribute: str) -> Iterator[str | None]:
        """Yield the classes of the interface that may bring an attribute, None for one that is not known.

        A class of the module that has the attribute itself ends the search: it is its own then.
        """
        if not self.classes.knows(owner):
            yield owner
            return
        if self.classes.declares(owner, attribute):
            return
        for base in self.classes.bases(owner):
            if base is None:
                yield None
            else:
                yield from self.lineage(base.name, attribute)

    # -- calls

    def _call(self, node: cst.Call) -> Known:
        if isinstance(node.func, cst.Attribute):
            owner = self.of(node.func.value)
            method = node.func.attr.value
            if owner and owner.name == "(factory)" and method == "connect":
                return known_types.awaiting(self.interface.factories[owner.arguments[0].name].type)
            known = known_types.called_method(owner, method, len(node.args)) if owner else None
            if known is not None:
                return known
        if isinstance(node.func, cst.Name) and node.func.value == "super" and not node.args:
            return self.classes.above(node)
        called = self.of(node.func)
        if called is None:
            return None
        match called.name:
            case "type":
                return called.arguments[0]
            case "(factory)":
                return self.interface.factories[called.arguments[0].name].type
            case "(function)":
                return called.arguments[0]
            case "(name)" if called.arguments:
                return self._called(called.arguments[0].name, node)
        return None

    def _called(self, name: str, node: cst.Call) -> Known:
        if name == ENSURE_CONNECTED:
            return self._ensured(node)
        if name in ("typing.cast", "cast") and node.args:
            return self.annotated(node.args[0].value)
        if name.startswith("builtins.") and not any(argument.star for argument in node.args):
            return known_types.called_builtin(name.removeprefix("builtins."), [self.of(a.value) for a in node.args])
        return None

    def _ensured(self, node: cst.Call) -> Known:
        """Return the plan that connects devices and gives them back."""
        given = [self._made(self.of(a.value)) for a in node.args if a.keyword is None and not a.star]
        if not given or len(given) != len([a for a in node.args if a.keyword is None]):
            return None
        if len(given) == 1:
            return TypeTerm("MsgGenerator", (given[0],)) if given[0] else None
        return TypeTerm("MsgGenerator", (TypeTerm("tuple", tuple(one or known_types.UNKNOWN for one in given)),))

    def _made(self, value: Known) -> Known:
        if value and value.name == "(factory)":
            return self.interface.factories[value.arguments[0].name].type
        return value

    def _subscript(self, node: cst.Subscript) -> Known:
        owner = self.of(node.value)
        if owner is None or len(node.slice) != 1:
            return None
        match node.slice[0].slice:
            case cst.Slice():
                return owner
            case cst.Index(value=cst.Integer(value=digits)):
                return known_types.entry_of(owner, int(digits.replace("_", ""), 0))
            case _:
                pass
        enum = owner.name == "type" and self.interface.enum_of(owner.arguments[0].name)
        return owner.arguments[0] if enum else known_types.entry_of(owner, None)

    # -- annotations

    def annotated(self, node: cst.CSTNode) -> Known:
        """Return the type that an annotation says; None where it leaves room for anything."""
        match node:
            case cst.Annotation(annotation=inner):
                return self.annotated(inner)
            case cst.SimpleString():
                inner_one = self.module.quoted(node)
                return self.annotated(inner_one) if inner_one is not None else None
            case cst.BinaryOperation(left=one, operator=cst.BitOr(), right=other):
                parts = [self.annotated(one), self.annotated(other)]
                return union(*(part for part in parts if part)) if None not in parts else None
            case cst.Subscript(value=value, slice=slices):
                return self._generic(value, [s.slice.value for s in slices if isinstance(s.slice, cst.Index)])
            case cst.Name(value="None"):
                return TypeTerm(NONE)
            case cst.Name() | cst.Attribute():
                return self._annotated_name(node)
        return None

    def _annotated_name(self, node: cst.BaseExpression) -> Known:
        known = self.of(node)
        if known is None:
            return None
        if known.name == "type":
            return known.arguments[0]
        if known.name == "(name)":
            full = known.arguments[0].name
            return TypeTerm(full) if full not in known_types.OPEN else None
        return None

    def _generic(self, value: cst.BaseExpression, inner: list[cst.BaseExpression]) -> Known:
        known = self.of(value)
        if known is None or not inner:
            return None
        short = known.arguments[0].short if known.arguments else known.short
        if short in ("Annotated", "Final", "ClassVar", "Required", "NotRequired"):
            return self.annotated(inner[0])
        parts = [self.annotated(one) for one in inner]
        if short in ("Optional", "Union"):
            return union(TypeTerm(NONE), *(p for p in parts if p)) if None not in parts else None
        if short in ("type", "Type"):
            return known_types.type_of(parts[0]) if parts[0] else None
        full = known.arguments[0].name if known.arguments else short
        return TypeTerm(full, tuple(part or known_types.UNKNOWN for part in parts))

    def function(self, node: cst.FunctionDef) -> Known:
        """Return what a function of the module is: for callers, its annotation says what it gives."""
        result = self.annotated(node.returns) if node.returns else None
        if result is None or not all(self._is_transparent(d.decorator) for d in node.decorators):
            return None
        return known_types.returning(known_types.awaiting(result) if node.asynchronous else result)

    def _is_transparent(self, decorator: cst.BaseExpression) -> bool:
        inner = decorator.func if isinstance(decorator, cst.Call) else decorator
        if isinstance(inner, cst.Name) and inner.value in ("property", "staticmethod", "classmethod"):
            return True
        known = self.of(inner)
        if known and known.name == "(name)":
            return known.arguments[0].name.startswith(_TRANSPARENT)
        return isinstance(inner, cst.Attribute) and inner.attr.value == "factory"
