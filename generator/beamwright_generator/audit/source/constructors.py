"""Follows constructors as far as the text goes: which signals a class makes, and from which PVs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import libcst as cst

from beamwright_generator.audit.source.annotations import Filling
from beamwright_generator.audit.source.expressions import Expressions, Scope, members, suffix
from beamwright_generator.audit.source.name_lookup import Lookup
from beamwright_generator.audit.source.python_modules import Module, Modules
from beamwright_generator.audit.source.signal_calls import built_in, signal_made
from beamwright_generator.audit.source.values import (
    HOLE,
    UNKNOWN,
    Bound,
    ClassValue,
    Connector,
    DeviceValue,
    External,
    FunctionValue,
    Indexed,
    SignalValue,
    Super,
    Value,
    VectorValue,
    is_ophyd_async,
)

DEEPEST: Final = 40
"""Calls inside calls that are followed; code that calls itself ends there."""

VECTORS: Final = ("DeviceVector", "DeviceMap")


class Constructing:
    """Makes devices of classes without running them."""

    def __init__(self, modules: Modules) -> None:
        self.lookup = Lookup(modules, lambda node, module: self.expressions.value(node, Scope(module)))
        self.expressions = Expressions(self.lookup, self._called)
        self.filling = Filling(self.lookup, self.expressions, self.made)
        self._depth = 0
        self._owned: dict[int, Value] = {}

    def made(self, cls: ClassValue, arguments: Sequence[Value] = (), **keywords: Value) -> DeviceValue:
        """Make a device; what its constructor needs and is not given becomes a hole in the texts made of it."""
        device = DeviceValue(cls)
        self._init(device, 0, list(arguments), keywords)
        return device

    def _init(self, device: DeviceValue, start: int, arguments: list[Value], keywords: dict[str, Value]) -> None:
        line = self.lookup.line(device.cls)
        for cls in line[start:]:
            if is_ophyd_async(cls, "EpicsDevice"):
                self._epics(device, arguments, keywords)
                return
            if not isinstance(cls, ClassValue) or is_ophyd_async(cls, "Device"):
                continue
            own = next((m for m in members(cls) if isinstance(m, cst.FunctionDef) and m.name.value == "__init__"), None)
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
            scope = Scope(function.module, cls=cls)
            self._bind(function.node.params, list(arguments), keywords, scope)
            if isinstance(function.node, cst.Lambda):
                return self.expressions.value(function.node.body, scope)
            returned = self._block(function.node.body.body, scope)
            return returned[0] if returned else None
        finally:
            self._depth -= 1

    def _bind(self, params: cst.Parameters, arguments: list[Value], keywords: dict[str, Value], scope: Scope) -> None:
        rest = dict(keywords)
        for param in (*params.posonly_params, *params.params, *params.kwonly_params):
            name = param.name.value
            positional = param not in params.kwonly_params
            if positional and arguments:
                scope.names[name] = arguments.pop(0)
            elif name in rest:
                scope.names[name] = rest.pop(name)
            elif param.default is not None:
                scope.names[name] = self.expressions.value(param.default, Scope(scope.module))
            else:
                annotation = param.annotation.annotation if param.annotation else None
                text = annotation is None or (isinstance(annotation, cst.Name) and annotation.value == "str")
                scope.names[name] = HOLE.format(name) if text else UNKNOWN
        if isinstance(params.star_arg, cst.Param):
            scope.names[params.star_arg.name.value] = tuple(arguments)
        if params.star_kwarg is not None:
            scope.names[params.star_kwarg.name.value] = dict[object, Value](rest.items())

    def _block(self, body: Sequence[cst.CSTNode], scope: Scope) -> list[Value]:
        """Follow statements; gives what is returned, if anything is."""
        for statement in body:
            returned = self._statement(statement, scope)
            if returned:
                return returned
        return []

    def _statement(self, statement: cst.CSTNode, scope: Scope) -> list[Value]:
        match statement:
            case cst.SimpleStatementLine(body=small):
                return self._block(small, scope)
            case cst.Return(value=value):
                return [self.expressions.value(value, scope) if value else None]
            case cst.Assign(targets=targets, value=value):
                made = self.expressions.value(value, scope)
                for target in targets:
                    self._assign(target.target, made, statement, scope)
            case cst.AnnAssign(target=target, value=cst.BaseExpression() as value):
                self._assign(target, self.expressions.value(value, scope), statement, scope)
            case cst.Expr(value=value):
                self.expressions.value(value, scope)
            case cst.With(body=inner) | cst.Try(body=inner):
                return self._block(inner.body, scope)
            case cst.If():
                return self._branch(statement, scope)
            case cst.For(target=target, iter=over, body=inner):
                turns = list(self.expressions.each(target, self.expressions.value(over, scope), scope))
                for turn in turns:
                    self._block(inner.body, turn)
            case cst.FunctionDef(name=name):
                scope.names[name.value] = FunctionValue(statement, scope.module)
            case _:
                pass
        return []

    def _branch(self, statement: cst.If, scope: Scope) -> list[Value]:
        holds = self.expressions.truth(statement.test, scope)
        returned: list[Value] = []
        if holds is not False:
            returned = self._block(statement.body.body, scope)
        if holds is not True and statement.orelse is not None:
            other = statement.orelse
            found = self._block([other] if isinstance(other, cst.If) else other.body.body, scope)
            returned = returned or found
        return returned

    def _assign(self, target: cst.BaseExpression, made: Value, node: cst.CSTNode, scope: Scope) -> None:
        match target:
            case cst.Name(value=name):
                scope.names[name] = made
            case cst.Attribute(value=of, attr=cst.Name(value=name)):
                device = self.expressions.value(of, scope)
                if isinstance(device, DeviceValue):
                    device.attributes[name] = made
                    self._own(device, name, made, scope.module, node)
            case cst.Tuple(elements=elements) if isinstance(made, tuple | list) and len(made) == len(elements):
                for element, one in zip(elements, made, strict=True):
                    self._assign(element.value, one, node, scope)
            case _:
                pass

    def _own(self, device: DeviceValue, name: str, made: Value, module: Module, node: cst.CSTNode) -> None:
        """Take up a child; what another device has already is only mentioned."""
        if not isinstance(made, SignalValue | DeviceValue | VectorValue) or id(made) in self._owned:
            return
        if made is device:
            return
        self._owned[id(made)] = made  # kept, so that no other value gets its id
        device.children[name] = made, module, node

    def _called(
        self, called: Value, arguments: list[Value], keywords: dict[str, Value], node: cst.Call, scope: Scope
    ) -> Value:
        match called:
            case External(path=path):
                return built_in(path, arguments)
            case Indexed(base=base):
                return self._called(base, arguments, keywords, node, scope)
            case ClassValue():
                return self._instance(called, arguments, keywords, node)
            case FunctionValue(name=name):
                if is_ophyd_async(called, name) and (made := signal_made(name, arguments, keywords)):
                    return made
                return self._run(called, arguments, keywords)
            case Bound(of=of, name=name):
                return self._method(of, name, arguments, keywords, node)
            case _:
                return UNKNOWN

    def _instance(self, cls: ClassValue, arguments: list[Value], keywords: dict[str, Value], node: cst.Call) -> Value:
        if is_ophyd_async(cls, "PvSuffix"):
            return suffix(arguments, keywords, node, rbv=False)
        if self.lookup.is_a(cls, *VECTORS):
            entries = arguments[0] if arguments else keywords.get("children")
            if isinstance(entries, list):
                return VectorValue(dict[object, Value](enumerate(entries)))
            return VectorValue(entries if isinstance(entries, dict) else {})
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
        self, of: Value, name: str, arguments: list[Value], keywords: dict[str, Value], node: cst.Call
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
            case dict() if name == "items":
                return [(_plain(key), value) for key, value in of.items()]
            case _:
                return UNKNOWN

    def _own_method(self, device: DeviceValue, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        for cls in self.lookup.line(device.cls):
            if not isinstance(cls, ClassValue):
                continue
            for member in members(cls):
                if isinstance(member, cst.FunctionDef) and member.name.value == name:
                    if cls.module.name.startswith("ophyd_async.") or member.asynchronous is not None:
                        return UNKNOWN
                    still = any(_is_static(one) for one in member.decorators)
                    given = arguments if still else [device, *arguments]
                    return self._run(FunctionValue(member, cls.module), given, keywords, cls)
        return UNKNOWN


def _is_static(decorator: cst.Decorator) -> bool:
    return isinstance(decorator.decorator, cst.Name) and decorator.decorator.value == "staticmethod"


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
