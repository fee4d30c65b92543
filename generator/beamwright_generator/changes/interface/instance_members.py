"""The members that constructors assign: child devices, vectors, and signals that people make by functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from beamwright_generator.changes.interface.elements import Member
from beamwright_generator.python.annotation_types import ModuleNames
from beamwright_generator.python.signal_makers import SIGNAL_MAKERS, signal_made
from beamwright_generator.python.type_terms import TypeTerm
from beamwright_generator.python.values import UNKNOWN, Value

CORE = "ophyd_async.core"


def assigned_members(constructor: ast.FunctionDef, names: ModuleNames) -> Iterator[Member]:
    """Yield the members that a constructor assigns, also inside ``with self.add_children_as_readables()``."""
    for statement in ast.walk(constructor):
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=made):
                member = _made(name, made, statement.lineno, names)
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name), value=ast.expr() as made):
                member = _made(name, made, statement.lineno, names)
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super"))), args=[ast.Call() as driver, *_]
            ):
                # The first argument of a detector's own constructor is its driver, which it keeps as `driver`.
                member = _made("driver", driver, statement.lineno, names)
            case _:
                continue
        if member is not None and not member.name.startswith("_"):
            yield member


def _made(name: str, made: ast.expr, line: int, names: ModuleNames) -> Member | None:
    if not isinstance(made, ast.Call):
        return None
    called = names.term(made.func)
    if called.short in SIGNAL_MAKERS:
        return _signal(name, made, line, names)
    if called.short == "DeviceVector":
        return _vector(name, made, line, names)
    suffix = suffix_of(made.args[0]) if made.args else None
    return Member(name, called, () if suffix is None else (suffix,), line=line, options=_keywords(made))


def _keywords(made: ast.Call) -> tuple[str, ...]:
    return tuple(f"{k.arg}={ast.unparse(k.value)}" for k in made.keywords if k.arg not in (None, "name"))


def _signal(name: str, made: ast.Call, line: int, names: ModuleNames) -> Member | None:
    function = names.term(made.func).short
    given = {keyword.arg: keyword.value for keyword in made.keywords if keyword.arg}
    texts = {argument: _text(value) for argument, value in given.items()}
    signal = signal_made(function, [_text(one) for one in made.args], texts)
    if signal is None:
        return None
    typed = "datatype" in SIGNAL_MAKERS[function][1]
    datatype = next(iter(made.args), given.get("datatype")) if typed else None
    reads, writes = ((side,) if isinstance(side, str) and side else () for side in (signal.read, signal.write))
    kind = TypeTerm(f"{CORE}.{signal.kind}", (names.term(datatype),) if datatype is not None else ())
    return Member(name, kind, reads, writes if writes != reads else (), line=line)


def _text(node: ast.expr) -> Value:
    found = suffix_of(node)
    return UNKNOWN if found is None else found


def _vector(name: str, made: ast.Call, line: int, names: ModuleNames) -> Member | None:
    match made.args:
        case [ast.Dict(values=[ast.Call() as first, *_] as values)]:
            reads = (suffix_of(one.args[0]) for one in values if isinstance(one, ast.Call) and one.args)
            entry = names.term(first.func)
            vector = TypeTerm(f"{CORE}.DeviceVector", (entry,))
            more = tuple(ast.unparse(k) for one in values if isinstance(one, ast.Call) for k in one.keywords)
            known, numbers = tuple(read for read in reads if read is not None), tuple(numbers_of(made.args[0]))
            return Member(name, vector, known, entries=numbers, line=line, options=more)
        case [ast.DictComp(value=ast.Call() as first)]:
            return Member(name, TypeTerm(f"{CORE}.DeviceVector", (names.term(first.func),)), line=line)
    return None


def numbers_of(node: ast.expr) -> Iterator[int]:
    """Yield the numbers that are the keys of a dictionary."""
    for key in node.keys if isinstance(node, ast.Dict) else ():
        if isinstance(key, ast.Constant) and isinstance(key.value, int):
            yield key.value


def suffix_of(node: ast.expr) -> str | None:
    """Return what an expression adds to the prefix of a device, or a whole PV; None where it is not plain."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name() | ast.Attribute():
            return "" if ast.unparse(node).rpartition(".")[2].endswith("prefix") else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [suffix_of(left), suffix_of(right)]
        case ast.JoinedStr(values=values):
            parts = [suffix_of(value.value if isinstance(value, ast.FormattedValue) else value) for value in values]
        case _:
            return None
    return None if None in parts else "".join(part for part in parts if part)


def texts_in(node: ast.AST) -> Iterator[str]:
    """Yield the texts of a piece of code in their order."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
