"""Follows constructors as far as the text goes: which signals a class makes, and from which PVs."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from beamwright_generator.python.annotations import AnnotationFiller
from beamwright_generator.python.expressions import Expressions, NameScope, members, suffix
from beamwright_generator.python.name_lookup import NameLookup
from beamwright_generator.python.python_modules import Module, ModuleFinder
from beamwright_generator.python.signal_makers import built_in, key_of, signal_made
from beamwright_generator.python.values import (
    HOLE,
    UNKNOWN,
    ClassValue,
    Connector,
    DeviceValue,
    ExternalName,
    FunctionValue,
    GenericType,
    Method,
    SignalValue,
    Super,
    Value,
    VectorValue,
    is_ophyd_async,
)

DEEPEST: Final = 40
"""Calls inside calls that are followed; code that calls itself ends there."""

VECTORS: Final = ("DeviceVector", "DeviceMap")


@dataclass(frozen=True, eq=False)
class SignalCall:
    """A signal, and the call that makes it."""

    signal: SignalValue
    module: Module
    call: ast.Call


class Evaluator:
    """Makes devices of classes without running them."""

    def __init__(self, modules: ModuleFinder) -> None:
        self.lookup = NameLookup(modules, lambda node, module: self.expressions.value(node, NameScope(module)))
        self.expressions = Expressions(self.lookup, self._called)
        self.filling = AnnotationFiller(self.lookup, self.expressions, self.made)
        self.made_signals: list[SignalCall] = []
        self._depth = 0
        self._owned: dict[int, Value] = {}

    def made(self, cls: ClassValue, arguments: Sequence[Value] = (), **keywords: Value) -> DeviceValue:
        """Make a device; what its constructor needs and is not given becomes a hole in the texts made of it."""
        connector = keywords.get("connector")
        start = connector.prefix if isinstance(connector, Connector) else next(iter(arguments), UNKNOWN)
        device = DeviceValue(cls, keywords.get("prefix", start))
        self._init(device, 0, list(arguments), keywords)
        return device

    def is_owned(self, value: Value) -> bool:
        """Tell whether a device has a signal or device as its child."""
        return id(value) in self._owned

    def _init(self, device: DeviceValue, start: int, arguments: list[Value], keywords: dict[str, Value]) -> None:
        line = self.lookup.line(device.cls)
        for cls in line[start:]:
            if is_ophyd_async(cls, "EpicsDevice"):
                self._epics(device, arguments, keywords)
                return
            if not isinstance(cls, ClassValue) or is_ophyd_async(cls, "Device"):
                continue
            own = next((m for m in members(cls) if isinstance(m, ast.FunctionDef) and m.name == "__init__"), None)
            if own is not None:
                self._run(FunctionValue(own, cls.module), [device, *arguments], keywords, cls)
                return

    def _epics(self, device: DeviceValue, arguments: list[Value], keywords: dict[str, Value]) -> None:
        given = {**dict(zip(("prefix", "with_pvi", "name", "connector"), arguments, strict=False)), **keywords}
        connector = given.get("connector")
        if isinstance(connector, Connector):
            device.prefix = connector.prefix
        else:
            device.prefix = given.get("prefix", HOLE.format("prefix"))
        device.pvi = given.get("with_pvi") not in (None, False)
        if not device.pvi:
            self.filling.fill(device)

    def _run(
        self,
        function: FunctionValue,
        arguments: Sequence[Value],
        keywords: dict[str, Value],
        cls: ClassValue | None = None,
    ) -> Value:
        if self._depth >= DEEPEST:
            return UNKNOWN
        self._depth += 1
        try:
            scope = NameScope(function.module, cls=cls)
            self._bind(function.node.args, list(arguments), keywords, scope)
            if isinstance(function.node, ast.Lambda):
                return self.expressions.value(function.node.body, scope)
            returned = self._block(function.node.body, scope)
            return returned[0] if returned else None
        finally:
            self._depth -= 1

    def _bind(
        self, params: ast.arguments, arguments: list[Value], keywords: dict[str, Value], scope: NameScope
    ) -> None:
        rest = dict(keywords)
        positional = [*params.posonlyargs, *params.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(params.defaults)) + [*params.defaults]
        for param, default in zip([*positional, *params.kwonlyargs], [*defaults, *params.kw_defaults], strict=True):
            name = param.arg
            if arguments and param in positional:
                scope.names[name] = arguments.pop(0)
            elif name in rest:
                scope.names[name] = rest.pop(name)
            elif default is not None:
                scope.names[name] = self.expressions.value(default, NameScope(scope.module))
            else:
                text = param.annotation is None or (
                    isinstance(param.annotation, ast.Name) and param.annotation.id == "str"
                )
                scope.names[name] = HOLE.format(name) if text else UNKNOWN
        if params.vararg is not None:
            scope.names[params.vararg.arg] = tuple(arguments)
        if params.kwarg is not None:
            scope.names[params.kwarg.arg] = dict[object, Value](rest.items())

    def _block(self, body: Sequence[ast.stmt], scope: NameScope) -> list[Value]:
        """Follow statements, and return what is returned, if anything is."""
        for statement in body:
            returned = self._statement(statement, scope)
            if returned:
                return returned
        return []

    def _statement(self, statement: ast.stmt, scope: NameScope) -> list[Value]:
        match statement:
            case ast.Return(value=value):
                return [self.expressions.value(value, scope) if value else None]
            case ast.Assign(targets=targets, value=value):
                made = self.expressions.value(value, scope)
                for target in targets:
                    self._assign(target, made, statement, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, self.expressions.value(value, scope), statement, scope)
            case ast.Expr(value=value):
                self.expressions.value(value, scope)
            case ast.With(body=inner) | ast.Try(body=inner):
                return self._block(inner, scope)
            case ast.If():
                return self._branch(statement, scope)
            case ast.For(target=target, iter=over, body=inner):
                turns = list(self.expressions.each(target, self.expressions.value(over, scope), scope))
                for turn in turns:
                    self._block(inner, turn)
            case ast.FunctionDef(name=name):
                scope.names[name] = FunctionValue(statement, scope.module)
            case _:
                pass
        return []

    def _branch(self, statement: ast.If, scope: NameScope) -> list[Value]:
        holds = self.expressions.truth(statement.test, scope)
        returned: list[Value] = []
        if holds is not False:
            returned = self._block(statement.body, scope)
        if holds is not True:
            other = self._block(statement.orelse, scope)
            # What the other branch gives would be owned in place of it.
            self._owned |= {id(one): one for one in other if returned}
            returned = returned or other
        return returned

    def _assign(self, target: ast.expr, made: Value, node: ast.stmt | ast.expr, scope: NameScope) -> None:
        match target:
            case ast.Name(id=name):
                scope.names[name] = made
            case ast.Attribute(value=of, attr=name):
                self._set_attribute(self.expressions.value(of, scope), name, made, scope.module, node)
            case ast.Subscript(value=of, slice=key):
                self._set_item(self.expressions.value(of, scope), self.expressions.value(key, scope), made)
            case ast.Tuple(elts=elements) if isinstance(made, tuple | list) and len(made) == len(elements):
                for element, one in zip(elements, made, strict=True):
                    self._assign(element, one, node, scope)
            case _:
                pass

    def _set_attribute(self, of: Value, name: str, made: Value, module: Module, node: ast.stmt | ast.expr) -> None:
        if isinstance(of, DeviceValue):
            of.attributes[name] = made
            self._own(of, name, made, module, node)

    def _set_item(self, of: Value, key: Value, made: Value) -> None:
        match of:
            case VectorValue(entries=entries):
                entries[key_of(key)] = made
                if self.is_owned(of):
                    self._owned[id(made)] = made
            case dict():
                of[key_of(key)] = made
            case _:
                pass

    def _own(self, device: DeviceValue, name: str, made: Value, module: Module, node: ast.stmt | ast.expr) -> None:
        """Take up a child; what another device has already is only mentioned."""
        if not isinstance(made, SignalValue | DeviceValue | VectorValue) or id(made) in self._owned:
            return
        if made is device:
            return
        self._owned[id(made)] = made  # kept, so that no other value gets its id
        if isinstance(made, VectorValue):
            self._owned |= {id(entry): entry for entry in made.entries.values()}
        device.children[name] = made, module, node

    def _called(
        self, called: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.Call, scope: NameScope
    ) -> Value:
        match called:
            case ExternalName(path="setattr"):
                match arguments:
                    case [of, str() as attribute, made]:
                        self._set_attribute(of, attribute, made, scope.module, node)
                return None
            case ExternalName(path=path):
                return built_in(path, arguments)
            case GenericType(base=base):
                return self._called(base, arguments, keywords, node, scope)
            case ClassValue():
                return self._instance(called, arguments, keywords, node)
            case FunctionValue(name=name):
                if is_ophyd_async(called, name) and (made := signal_made(name, arguments, keywords)):
                    self.made_signals.append(SignalCall(made, scope.module, node))
                    return made
                return self._run(called, arguments, keywords)
            case Method(of=of, name=name):
                return self._method(of, name, arguments, keywords, node)
            case _:
                return UNKNOWN

    def _instance(self, cls: ClassValue, arguments: list[Value], keywords: dict[str, Value], node: ast.Call) -> Value:
        if is_ophyd_async(cls, "PvSuffix"):
            return suffix(arguments, keywords, node, rbv=False)
        if self.lookup.is_a(cls, *VECTORS):
            entries = arguments[0] if arguments else keywords.get("children")
            if isinstance(entries, list):
                return VectorValue(dict[object, Value](enumerate(entries)), cls)
            return VectorValue(entries if isinstance(entries, dict) else {}, cls)
        if self.lookup.is_a(cls, "Signal", "Command"):
            return UNKNOWN  # soft, or made of a backend: no database knows it
        if self.lookup.is_a(cls, "Device") and self._depth < DEEPEST:
            self._depth += 1
            try:
                return self.made(cls, arguments, **keywords)
            finally:
                self._depth -= 1
        return UNKNOWN

    def _method(
        self, of: Value, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        match of:
            case Super(device=device, cls=cls):
                line = self.lookup.line(device.cls)
                after = line.index(cls) + 1 if cls in line else len(line)
                if name == "__init__":
                    self._init(device, after, arguments, keywords)
                return UNKNOWN
            case ClassValue() if is_ophyd_async(of, "PvSuffix") and name == "rbv":
                return suffix(arguments, keywords, node, rbv=True)
            case ClassValue() if name == "__init__" and arguments and isinstance(arguments[0], DeviceValue):
                line = self.lookup.line(arguments[0].cls)
                self._init(arguments[0], line.index(of) if of in line else len(line), arguments[1:], keywords)
                return None
            case DeviceValue(cls=cls):
                return self._own_method(of, name, arguments, keywords)
            case str():
                return _of_text(of, name, arguments)
            case list() if name == "append":
                of += arguments
                return None
            case dict() if name == "items":
                return [(_plain(key), value) for key, value in of.items()]
            case dict() if name == "values":
                return list(of.values())
            case _:
                return UNKNOWN

    def _own_method(self, device: DeviceValue, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        for cls in self.lookup.line(device.cls):
            if not isinstance(cls, ClassValue):
                continue
            for member in members(cls):
                if isinstance(member, ast.AsyncFunctionDef) and member.name == name:
                    return UNKNOWN
                if isinstance(member, ast.FunctionDef) and member.name == name:
                    if cls.module.name.startswith("ophyd_async."):
                        return UNKNOWN
                    still = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in member.decorator_list)
                    given = arguments if still else [device, *arguments]
                    return self._run(FunctionValue(member, cls.module), given, keywords, cls)
        return UNKNOWN


def _plain(key: object) -> Value:
    return key if isinstance(key, str | int | float) else UNKNOWN


def _of_text(text: str, name: str, arguments: list[Value]) -> Value:
    plain = [one for one in arguments if isinstance(one, str)]
    if len(plain) != len(arguments):
        return UNKNOWN
    match name:
        case "upper" | "lower" | "strip" | "rstrip" | "removesuffix" | "removeprefix" | "replace" | "title":
            found: str = getattr(text, name)(*plain)
            return found
        case _:
            return UNKNOWN
