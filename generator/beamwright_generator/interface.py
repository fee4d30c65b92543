"""What plans can use of generated code, read back from its text: devices, classes, signals, types, enum members."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Attribute:
    """One signal, command or child device of a class.

    :param type: as written, such as ``SignalRW[float]``.
    :param pvs: the suffixes that it reads and writes; renamed attributes are found by them.
    """

    type: str
    pvs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """One class with what it declares itself."""

    bases: tuple[str, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Factory:
    """One placed device: its type, and the first PV prefix that its factory names."""

    type: str
    prefix: str


@dataclass(frozen=True)
class Interface:
    """Classes, enums and factories by name."""

    classes: Mapping[str, DeviceClass] = field(default_factory=dict)
    enums: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    factories: Mapping[str, Factory] = field(default_factory=dict)

    def attributes_of(self, name: str) -> dict[str, Attribute]:
        """Give all attributes of a class, inherited ones too, as far as generated classes declare them."""
        known = self.classes.get(name)
        if known is None:
            return {}
        found: dict[str, Attribute] = {}
        for base in reversed(known.bases):
            found |= self.attributes_of(base)
        return {**found, **known.attributes}


def read_interface(files: Mapping[str, str]) -> Interface:
    """Read the interface of generated modules, texts by path; what is not Python has none."""
    classes: dict[str, DeviceClass] = {}
    enums: dict[str, dict[str, str]] = {}
    factories: dict[str, Factory] = {}
    for path, text in sorted(files.items()):
        if not path.endswith(".py"):
            continue
        try:
            module = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in module.body:
            if isinstance(node, ast.ClassDef) and _is_enum(node):
                enums[node.name] = dict(_enum_members(node))
            elif isinstance(node, ast.ClassDef):
                classes[node.name] = DeviceClass(tuple(map(ast.unparse, node.bases)), dict(_attributes(node)))
            elif isinstance(node, ast.FunctionDef) and node.returns is not None:
                factories[node.name] = Factory(ast.unparse(node.returns), _prefix(node, module))
    return Interface(classes, enums, factories)


def _is_enum(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases)


def _enum_members(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = statement.value
            yield statement.targets[0].id, str(value.value) if isinstance(value, ast.Constant) else ast.unparse(value)


def _attributes(node: ast.ClassDef) -> Iterator[tuple[str, Attribute]]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, _declared(statement.annotation)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            yield from _assigned(statement)


def _declared(annotation: ast.expr) -> Attribute:
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple):
        first, *extras = annotation.slice.elts
        return Attribute(ast.unparse(first), tuple(_pvs(extras)))
    return Attribute(ast.unparse(annotation), ())


def _pvs(extras: list[ast.expr]) -> Iterator[str]:
    for extra in extras:
        if isinstance(extra, ast.Call) and ast.unparse(extra.func).startswith("PvSuffix"):
            texts = [str(argument.value) for argument in extra.args if isinstance(argument, ast.Constant)]
            match ast.unparse(extra.func):
                case "PvSuffix.rbv":
                    texts = [f"{texts[0]}_RBV", texts[0]]
                case "PvSuffixes":
                    constants = (node.value for node in ast.walk(extra) if isinstance(node, ast.Constant))
                    texts = [text for text in constants if isinstance(text, str)]
            yield from texts


def _assigned(constructor: ast.FunctionDef) -> Iterator[tuple[str, Attribute]]:
    """Read the children that a constructor makes, also inside ``with self.add_children_as_readables()``."""
    for statement in ast.walk(constructor):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
            made = statement.value
            name = ast.unparse(made.func) if isinstance(made, ast.Call) else ast.unparse(made)
            constants = tuple(str(c.value) for c in ast.walk(made) if isinstance(c, ast.Constant))
            yield statement.targets[0].attr, Attribute(name, constants)


def _prefix(factory: ast.FunctionDef, module: ast.Module) -> str:
    """Give the first text in what a factory makes, looking into the class of the module that it calls."""
    body = factory.body[-1]
    for node in ast.walk(body):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
    made = ast.unparse(body.value.func) if isinstance(body, ast.Return) and isinstance(body.value, ast.Call) else ""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name == made:
            texts = (text for _, attribute in _attributes(node) for text in attribute.pvs)
            return next(texts, "")
    return ""
