"""The members that constructors assign: child devices, vectors, and signals that people make by functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from beamwright_generator.changes.interface.elements import Member, TypeTerm
from beamwright_generator.changes.interface.module_names import ModuleNames

CORE = "ophyd_async.core"
_MADE: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "epics_signal_r": ("SignalR", True),
        "epics_signal_w": ("SignalW", True),
        "epics_signal_rw": ("SignalRW", True),
        "epics_signal_rw_rbv": ("SignalRW", True),
        "epics_signal_x": ("SignalX", False),
        "epics_triggerable_command": ("TriggerableCommand", False),
    }
)
"""What functions of ophyd-async make, and whether they are given a datatype first."""


def assigned_members(constructor: ast.FunctionDef, names: ModuleNames) -> Iterator[Member]:
    """Give the members that a constructor assigns, also inside ``with self.add_children_as_readables()``."""
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
    if called.short in _MADE:
        return _signal(name, made, line, names)
    if called.short == "DeviceVector":
        return _vector(name, made, line, names)
    suffix = suffix_of(made.args[0]) if made.args else None
    return Member(name, called, () if suffix is None else (suffix,), line=line, options=_keywords(made))


def _keywords(made: ast.Call) -> tuple[str, ...]:
    return tuple(f"{k.arg}={ast.unparse(k.value)}" for k in made.keywords if k.arg not in (None, "name"))


def _signal(name: str, made: ast.Call, line: int, names: ModuleNames) -> Member:
    function = names.term(made.func).short
    kind, typed = _MADE[function]
    arguments = list(made.args)
    datatype = (names.term(arguments.pop(0)),) if typed and arguments else ()
    given = {keyword.arg: keyword.value for keyword in made.keywords}
    first = arguments[0] if arguments else given.get("write_pv" if function != "epics_signal_r" else "read_pv")
    second = arguments[1] if len(arguments) > 1 else given.get("read_suffix", given.get("write_pv"))
    one, other = (None if node is None else suffix_of(node) for node in (first, second))
    if function == "epics_signal_rw_rbv" and one is not None:
        read, write = one + ("_RBV" if other is None else other), one
    else:
        read, write = one or "", other or ""
    reads, writes = (read,) if read else (), (write,) if write not in ("", read) else ()
    return Member(name, TypeTerm(f"{CORE}.{kind}", datatype), reads, writes, line=line)


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
    """Give the numbers that are the keys of a dictionary."""
    for key in node.keys if isinstance(node, ast.Dict) else ():
        if isinstance(key, ast.Constant) and isinstance(key.value, int):
            yield key.value


def suffix_of(node: ast.expr) -> str | None:
    """Give what an expression adds to the prefix of a device, or a whole PV; None where it is not plain."""
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
    """Give the texts of a piece of code in their order."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
