"""Works out expressions: texts, types, and what calls make, without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst

from beamwright_generator.audit.source.name_lookup import Lookup
from beamwright_generator.audit.source.python_modules import Module
from beamwright_generator.audit.source.values import (
    UNKNOWN,
    Bound,
    ClassValue,
    DeviceValue,
    External,
    FunctionValue,
    Indexed,
    ModuleValue,
    Suffix,
    Super,
    Value,
)

BUILT_IN = frozenset({"bool", "int", "float", "str", "list", "dict", "tuple", "range", "super", "enumerate", "type"})


@dataclass
class Scope:
    """Where an expression stands.

    :param names: local names.
    :param cls: the class whose method it is in.
    """

    module: Module
    names: dict[str, Value] = field(default_factory=dict)
    cls: ClassValue | None = None

    def inner(self, **names: Value) -> Scope:
        """Give a scope with further names."""
        return Scope(self.module, {**self.names, **names}, self.cls)


Call = Callable[[Value, list[Value], dict[str, Value], cst.Call, Scope], Value]


@dataclass
class Expressions:
    """Gives the values of expressions.

    :param call: gives what a call makes.
    """

    lookup: Lookup
    call: Call

    def value(self, node: cst.BaseExpression, scope: Scope) -> Value:
        """Give the value of an expression; `UNKNOWN` where it takes running the code."""
        match node:
            case cst.Name(value=name):
                return self._name(name, scope)
            case cst.SimpleString() | cst.ConcatenatedString():
                return self._text(node, scope)
            case cst.FormattedString():
                return self._formatted(node, scope)
            case cst.Integer() | cst.Float():
                return node.evaluated_value
            case cst.Attribute(value=of, attr=attribute):
                return self.attribute(self.value(of, scope), attribute.value)
            case cst.BinaryOperation():
                return self._operation(node, scope)
            case cst.Subscript(value=of):
                return self._indexed(self.value(of, scope), node, scope)
            case cst.Call():
                return self._call(node, scope)
            case cst.IfExp(test=test, body=body, orelse=orelse):
                said = self.truth(test, scope)
                return self.value(body if said is None or said else orelse, scope)
            case cst.BooleanOperation(left=left, operator=cst.Or(), right=right):
                first = self.value(left, scope)
                return self.value(right, scope) if first in (None, "", UNKNOWN) else first
            case _:
                return self._collection(node, scope)

    def _collection(self, node: cst.BaseExpression, scope: Scope) -> Value:
        match node:
            case cst.List(elements=elements) | cst.Tuple(elements=elements) | cst.Set(elements=elements):
                found = [self.value(one.value, scope) for one in elements]
                return tuple(found) if isinstance(node, cst.Tuple) else found
            case cst.Dict(elements=elements):
                pairs = ((self.value(e.key, scope), e.value) for e in elements if isinstance(e, cst.DictElement))
                return {_key(key): self.value(value, scope) for key, value in pairs}
            case cst.ListComp(elt=element, for_in=loop) | cst.GeneratorExp(elt=element, for_in=loop):
                return [self.value(element, inner) for inner in self._loops(loop, scope)]
            case cst.DictComp(key=key, value=value, for_in=loop):
                return {_key(self.value(key, s)): self.value(value, s) for s in self._loops(loop, scope)}
            case cst.Lambda():
                return FunctionValue(node, scope.module)
            case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
                number = self.value(inner, scope)
                return -number if isinstance(number, int | float) else UNKNOWN
            case _:
                return UNKNOWN

    def _name(self, name: str, scope: Scope) -> Value:
        if name in scope.names:
            return scope.names[name]
        found = self.lookup.name(scope.module, name)
        if found is UNKNOWN:
            constants: Mapping[str, Value] = {"None": None, "True": True, "False": False}
            if name in constants:
                return constants[name]
            if name in BUILT_IN:
                return External(name)
        return found

    def _text(self, node: cst.SimpleString | cst.ConcatenatedString, scope: Scope) -> Value:
        if isinstance(node, cst.SimpleString):
            text = node.evaluated_value
            return text if isinstance(text, str) else UNKNOWN
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return left + right if isinstance(left, str) and isinstance(right, str) else UNKNOWN

    def _formatted(self, node: cst.FormattedString, scope: Scope) -> Value:
        text = ""
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                text += part.value.replace("{{", "{").replace("}}", "}")
                continue
            assert isinstance(part, cst.FormattedStringExpression)
            value = self.value(part.expression, scope)
            shown = _formatted(value, part)
            if shown is None:
                return UNKNOWN
            text += shown
        return text

    def attribute(self, of: Value, name: str) -> Value:
        """Give an attribute of a value."""
        match of:
            case ModuleValue(name=module):
                return self.lookup.member(module, name)
            case External(path=path):
                return External(f"{path}.{name}")
            case DeviceValue(attributes=attributes) if name in attributes:
                return attributes[name]
            case DeviceValue(cls=ClassValue() as cls) | (ClassValue() as cls):
                found = self._class_attribute(cls, name)
                return Bound(of, name) if found is UNKNOWN or isinstance(found, FunctionValue) else found
            case str() if name == "value":  # of an enum member, which stands for its text here
                return of
            case _:
                return Bound(of, name) if of is not UNKNOWN else UNKNOWN

    def _class_attribute(self, cls: ClassValue, name: str) -> Value:
        for one in self.lookup.line(cls):
            if isinstance(one, ClassValue):
                for statement in members(one):
                    match statement:
                        case cst.FunctionDef(name=cst.Name(value=found)) if found == name:
                            return FunctionValue(statement, one.module)
                        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=found))], value=value) if (
                            found == name
                        ):
                            return self.value(value, Scope(one.module))
                        case _:
                            continue
        return UNKNOWN

    def _operation(self, node: cst.BinaryOperation, scope: Scope) -> Value:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        match node.operator, left, right:
            case cst.Add(), str(), str():
                return left + right
            case cst.Add(), int(), int():
                return left + right
            case cst.Subtract(), int(), int():
                return left - right
            case cst.BitOr(), _, _:
                return Indexed(External("types.UnionType"), (left, right))
            case _:
                return UNKNOWN

    def _indexed(self, of: Value, node: cst.Subscript, scope: Scope) -> Value:
        arguments = [self.value(e.slice.value, scope) for e in node.slice if isinstance(e.slice, cst.Index)]
        if isinstance(of, dict):
            return of.get(_key(arguments[0]), UNKNOWN) if arguments else UNKNOWN
        if isinstance(of, list | tuple):
            place = arguments[0] if arguments else UNKNOWN
            return of[place] if isinstance(place, int) and -len(of) <= place < len(of) else UNKNOWN
        return UNKNOWN if of is UNKNOWN else Indexed(of, tuple(arguments))

    def _call(self, node: cst.Call, scope: Scope) -> Value:
        called = self.value(node.func, scope)
        positional: list[Value] = []
        keywords: dict[str, Value] = {}
        for one in node.args:
            value = self.value(one.value, scope)
            if one.keyword is not None:
                keywords[one.keyword.value] = value
            elif one.star == "**" and isinstance(value, dict):
                keywords |= {str(key): item for key, item in value.items()}
            elif one.star == "*" and isinstance(value, list | tuple):
                positional += value
            elif not one.star:
                positional.append(value)
        if called == External("super") and scope.cls and isinstance(device := scope.names.get("self"), DeviceValue):
            return Super(device, scope.cls)
        return self.call(called, positional, keywords, node, scope)

    def _loops(self, loop: cst.CompFor, scope: Scope) -> Iterator[Scope]:
        for inner in self.each(loop.target, self.value(loop.iter, scope), scope):
            if loop.inner_for_in is not None:
                yield from self._loops(loop.inner_for_in, inner)
            else:
                yield inner

    def each(self, target: cst.BaseAssignTargetExpression, over: Value, scope: Scope) -> Iterator[Scope]:
        """Give a scope for each turn of a loop; none where it cannot be told what it is over."""
        items: list[Value] = list(over) if isinstance(over, list | tuple | dict) else []  # type: ignore[arg-type]
        for item in items:
            match target, item:
                case cst.Name(value=name), _:
                    yield scope.inner(**{name: item})
                case cst.Tuple(elements=elements), tuple() if len(elements) == len(item):
                    names = [e.value.value if isinstance(e.value, cst.Name) else "_" for e in elements]
                    yield scope.inner(**dict(zip(names, item, strict=True)))
                case _:
                    return

    def truth(self, node: cst.BaseExpression, scope: Scope) -> bool | None:
        """Tell whether a condition holds; None where that takes running the code."""
        match node:
            case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=operator, comparator=right)]):
                one, other = self.value(left, scope), self.value(right, scope)
                if UNKNOWN in (one, other):
                    return None
                same, equal = one is other, one == other
                answers = {"Is": same, "IsNot": not same, "Equal": equal, "NotEqual": not equal}
                return answers.get(type(operator).__name__)
            case cst.UnaryOperation(operator=cst.Not(), expression=inner):
                said = self.truth(inner, scope)
                return None if said is None else not said
            case _:
                value = self.value(node, scope)
                return bool(value) if isinstance(value, bool | int | str | None) else None


def members(cls: ClassValue) -> Iterator[cst.CSTNode]:
    """Give the statements of a class's body."""
    from beamwright_generator.audit.source.python_modules import statements

    return statements(cls.node.body.body)


def _key(value: Value) -> object:
    return value if isinstance(value, str | int | float | tuple) else id(value)


def _formatted(value: Value, part: cst.FormattedStringExpression) -> str | None:
    """Show a value in an f-string; None where that takes more than its text."""
    if not isinstance(value, str | int | float):
        return None
    spec = ""
    for piece in part.format_spec or ():
        if not isinstance(piece, cst.FormattedStringText):
            return None
        spec += piece.value
    try:
        return format(value, spec)
    except ValueError:
        return None


def suffix(arguments: list[Value], keywords: Mapping[str, Value], node: cst.Call, *, rbv: bool) -> Value:
    """Give what `PvSuffix(...)` or `PvSuffix.rbv(...)` makes."""
    names = ("write_suffix", "rbv_suffix") if rbv else ("read_suffix", "write_suffix")
    given = {**dict(zip(names, arguments, strict=False)), **keywords}
    first, second = given.get(names[0]), given.get(names[1], "_RBV" if rbv else None)
    if not isinstance(first, str) or not isinstance(second, str | None):
        return UNKNOWN
    if rbv:
        return Suffix(first + (second or ""), first, node)
    return Suffix(first, second, node)
