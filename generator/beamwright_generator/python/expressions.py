"""Works out expressions: texts, types, and what calls make, without running anything."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from beamwright_generator.python.name_lookup import NameLookup
from beamwright_generator.python.python_modules import Module, statements
from beamwright_generator.python.signal_makers import key_of
from beamwright_generator.python.values import (
    UNKNOWN,
    ClassValue,
    DeviceValue,
    ExternalName,
    FunctionValue,
    GenericType,
    Method,
    ModuleValue,
    Suffix,
    Super,
    Value,
)

BUILT_IN = frozenset(
    {"bool", "int", "float", "str", "list", "dict", "tuple", "range", "super", "enumerate", "type", "setattr"}
)


@dataclass
class NameScope:
    """Where an expression stands.

    :param names: local names.
    :param cls: the class whose method it is in.
    """

    module: Module
    names: dict[str, Value] = field(default_factory=dict)
    cls: ClassValue | None = None

    def inner(self, **names: Value) -> NameScope:
        """Give a scope with further names."""
        return NameScope(self.module, {**self.names, **names}, self.cls)


Call = Callable[[Value, list[Value], dict[str, Value], ast.Call, NameScope], Value]


@dataclass
class Expressions:
    """Gives the values of expressions.

    :param call: gives what a call makes.
    """

    lookup: NameLookup
    call: Call

    def value(self, node: ast.expr, scope: NameScope) -> Value:
        """Give the value of an expression; `UNKNOWN` where it takes running the code."""
        match node:
            case ast.Name(id=name):
                return self._name(name, scope)
            case ast.Constant(value=None | str() | int() | float() as constant):
                return constant
            case ast.JoinedStr(values=parts):
                return self._formatted(parts, scope)
            case ast.Attribute(value=of, attr=attribute):
                return self.attribute(self.value(of, scope), attribute)
            case ast.BinOp():
                return self._operation(node, scope)
            case ast.Subscript(value=of):
                return self._indexed(self.value(of, scope), node, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                said = self.truth(test, scope)
                return self.value(body if said is None or said else orelse, scope)
            case ast.BoolOp(op=ast.Or(), values=values):
                found = (self.value(one, scope) for one in values[:-1])
                return next((one for one in found if one not in (None, "", UNKNOWN)), None) or self.value(
                    values[-1], scope
                )
            case _:
                return self._collection(node, scope)

    def _collection(self, node: ast.expr, scope: NameScope) -> Value:
        match node:
            case ast.Tuple(elts=elements):
                return tuple(self._elements(elements, scope))
            case ast.List(elts=elements) | ast.Set(elts=elements):
                return self._elements(elements, scope)
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return {key_of(self.value(key, scope)): self.value(value, scope) for key, value in pairs if key}
            case ast.ListComp(elt=element, generators=loops) | ast.GeneratorExp(elt=element, generators=loops):
                return [self.value(element, inner) for inner in self._loops(loops, scope)]
            case ast.DictComp(key=key, value=value, generators=loops):
                return {key_of(self.value(key, s)): self.value(value, s) for s in self._loops(loops, scope)}
            case ast.Lambda():
                return FunctionValue(node, scope.module)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                number = self.value(inner, scope)
                return -number if isinstance(number, int | float) else UNKNOWN
            case _:
                return UNKNOWN

    def _elements(self, elements: list[ast.expr], scope: NameScope) -> list[Value]:
        found: list[Value] = []
        for one in elements:
            value = self.value(one.value if isinstance(one, ast.Starred) else one, scope)
            found += value if isinstance(one, ast.Starred) and isinstance(value, list | tuple) else [value]
        return found

    def _name(self, name: str, scope: NameScope) -> Value:
        if name in scope.names:
            return scope.names[name]
        found = self.lookup.name(scope.module, name)
        return ExternalName(name) if found is UNKNOWN and name in BUILT_IN else found

    def _formatted(self, parts: list[ast.expr], scope: NameScope) -> Value:
        text = ""
        for part in parts:
            value = self.value(part.value if isinstance(part, ast.FormattedValue) else part, scope)
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
            case ExternalName(path=path):
                return ExternalName(f"{path}.{name}")
            case DeviceValue(attributes=attributes) if name in attributes:
                return attributes[name]
            case DeviceValue(cls=ClassValue() as cls) | (ClassValue() as cls):
                found = self._class_attribute(cls, name)
                return Method(of, name) if found is UNKNOWN or isinstance(found, FunctionValue) else found
            case str() if name == "value":  # of an enum member, which stands for its text here
                return of
            case _:
                return Method(of, name) if of is not UNKNOWN else UNKNOWN

    def _class_attribute(self, cls: ClassValue, name: str) -> Value:
        for one in self.lookup.line(cls):
            if isinstance(one, ClassValue):
                for statement in members(one):
                    match statement:
                        case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) if found == name:
                            return FunctionValue(statement, one.module)
                        case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                            return self.value(value, NameScope(one.module))
                        case _:
                            continue
        return UNKNOWN

    def _operation(self, node: ast.BinOp, scope: NameScope) -> Value:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        match node.op, left, right:
            case ast.Add(), str(), str():
                return left + right
            case ast.Add(), int(), int():
                return left + right
            case ast.Sub(), int(), int():
                return left - right
            case ast.BitOr(), _, _:
                return GenericType(ExternalName("types.UnionType"), (left, right))
            case _:
                return UNKNOWN

    def _indexed(self, of: Value, node: ast.Subscript, scope: NameScope) -> Value:
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        arguments = self._elements(inner, scope)
        if isinstance(of, dict):
            return of.get(key_of(arguments[0]), UNKNOWN) if arguments else UNKNOWN
        if isinstance(of, list | tuple):
            place = arguments[0] if arguments else UNKNOWN
            return of[place] if isinstance(place, int) and -len(of) <= place < len(of) else UNKNOWN
        return UNKNOWN if of is UNKNOWN else GenericType(of, tuple(arguments))

    def _call(self, node: ast.Call, scope: NameScope) -> Value:
        called = self.value(node.func, scope)
        positional: list[Value] = []
        keywords: dict[str, Value] = {}
        for one in node.args:
            value = self.value(one.value if isinstance(one, ast.Starred) else one, scope)
            if not isinstance(one, ast.Starred):
                positional.append(value)
            elif isinstance(value, list | tuple):
                positional += value
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords |= {str(key): item for key, item in value.items()}
        if called == ExternalName("super") and scope.cls and isinstance(device := scope.names.get("self"), DeviceValue):
            return Super(device, scope.cls)
        return self.call(called, positional, keywords, node, scope)

    def _loops(self, loops: list[ast.comprehension], scope: NameScope) -> Iterator[NameScope]:
        first, *others = loops
        for inner in self.each(first.target, self.value(first.iter, scope), scope):
            if any(self.truth(test, inner) is False for test in first.ifs):
                continue
            yield from self._loops(others, inner) if others else (inner,)

    def each(self, target: ast.expr, over: Value, scope: NameScope) -> Iterator[NameScope]:
        """Yield a scope for each turn of a loop; one of unknown names where the items are not known."""
        names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
        if not isinstance(over, list | tuple | dict):
            yield scope.inner(**dict.fromkeys(names, UNKNOWN))
            return
        items: list[Value] = list(over)  # type: ignore[arg-type]
        for item in items:
            match target, item:
                case ast.Name(id=name), _:
                    yield scope.inner(**{name: item})
                case ast.Tuple(elts=elements), tuple() if len(elements) == len(item):
                    parts = [one.id if isinstance(one, ast.Name) else "_" for one in elements]
                    yield scope.inner(**dict(zip(parts, item, strict=True)))
                case _:
                    yield scope.inner(**dict.fromkeys(names, UNKNOWN))

    def truth(self, node: ast.expr, scope: NameScope) -> bool | None:
        """Tell whether a condition holds; None where that takes running the code."""
        match node:
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                one, other = self.value(left, scope), self.value(right, scope)
                if UNKNOWN in (one, other):
                    return None
                same, equal = one is other, one == other
                answers = {"Is": same, "IsNot": not same, "Eq": equal, "NotEq": not equal}
                return answers.get(type(operator).__name__)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                said = self.truth(inner, scope)
                return None if said is None else not said
            case _:
                value = self.value(node, scope)
                return bool(value) if isinstance(value, bool | int | str | None) else None


def members(cls: ClassValue) -> Iterator[ast.stmt]:
    """Yield the statements of a class's body."""
    return statements(cls.node.body)


def _formatted(value: Value, part: ast.expr) -> str | None:
    """Show a value in an f-string; None where that takes more than its text."""
    if not isinstance(value, str | int | float):
        return None
    spec = ""
    if isinstance(part, ast.FormattedValue) and isinstance(part.format_spec, ast.JoinedStr):
        for piece in part.format_spec.values:
            if not isinstance(piece, ast.Constant):
                return None
            spec += str(piece.value)
    try:
        return format(value, spec)
    except ValueError:
        return None


def suffix(arguments: list[Value], keywords: Mapping[str, Value], node: ast.Call, *, rbv: bool) -> Value:
    """Give what `PvSuffix(...)` or `PvSuffix.rbv(...)` makes."""
    names = ("write_suffix", "rbv_suffix") if rbv else ("read_suffix", "write_suffix")
    given = {**dict(zip(names, arguments, strict=False)), **keywords}
    first, second = given.get(names[0]), given.get(names[1], "_RBV" if rbv else None)
    if not isinstance(first, str) or not isinstance(second, str | None):
        return UNKNOWN
    if rbv:
        return Suffix(first + (second or ""), first, node)
    return Suffix(first, second, node)
