"""What an expression of a plan is known to be, and what follows from it by the rules of Python's own containers."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from beamwright_generator.python.type_terms import NONE, UNION, TypeTerm, union

Known = TypeTerm | None
"""The type of a value; None where it cannot be proven."""

FOREIGN = TypeTerm("(foreign)")
"""Some value that is no device, class or enum of the interface."""

UNKNOWN = TypeTerm("?")
"""A part of a known type that is not known itself."""

_ITERABLES = frozenset(
    {
        *("list", "List", "set", "Set", "frozenset", "FrozenSet", "deque", "Deque", "KeysView", "ValuesView"),
        *("Sequence", "MutableSequence", "Collection", "Iterable", "Iterator", "Generator"),
        *("AsyncIterable", "AsyncIterator"),
    }
)
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "OrderedDict", "DeviceVector"})
_SAME = frozenset({"list", "set", "frozenset", "sorted", "reversed", "iter", "tuple"})
OPEN = frozenset({"typing.Any", "typing.Final", "typing.Self", "typing.ClassVar", "builtins.object", "object"})
_APART = frozenset(sys.stdlib_module_names) | {
    *("beamwright_generated", "beamwright_runtime", "bluesky", "ophyd_async", "scanspec"),
    *("h5py", "matplotlib", "numpy", "pandas", "pytest", "scipy"),
}
"""Packages whose names are no devices of a beamline."""


def type_of(term: TypeTerm) -> TypeTerm:
    """Return the type of a class itself."""
    return TypeTerm("type", (term,))


def module(name: str) -> TypeTerm:
    """Return what an imported module is known as."""
    return TypeTerm("(module)", (TypeTerm(name),))


def factory(name: str) -> TypeTerm:
    """Return what the function that makes a device is known as."""
    return TypeTerm("(factory)", (TypeTerm(name),))


def returning(result: TypeTerm) -> TypeTerm:
    """Return what a function with a known result is known as."""
    return TypeTerm("(function)", (result,))


def awaiting(result: TypeTerm) -> TypeTerm:
    """Return what must be awaited for a result is known as."""
    return TypeTerm("Awaitable", (result,))


def is_apart(name: str) -> bool:
    """Return whether a value of a type of this full name, or what is imported by it, can be no device of a beamline."""
    if name in OPEN or name.startswith(("ophyd_async.core.", "bluesky.protocols.")):
        return False
    return "." not in name or name.partition(".")[0] in _APART


def any_of(values: Iterable[Known]) -> Known:
    """Join what a name may be; not known as soon as one of them is not."""
    found = [value for value in values if value != TypeTerm(NONE)]
    if not found:
        return FOREIGN
    if any(value is None for value in found):
        return None
    return union(*(value for value in found if value is not None))


def alternatives(value: TypeTerm) -> list[TypeTerm]:
    """Return what a value may be, besides None."""
    every = value.arguments if value.name == UNION else (value,)
    return [one for one in every if one.name != NONE]


def element_of(value: Known) -> Known:
    """Return what iterating yields."""
    if value is None or value == FOREIGN:
        return value
    if value.short in ("tuple", "Tuple"):
        return any_of(one for one in value.arguments if one.name != "...") if value.arguments else None
    if value.short in _ITERABLES and value.arguments:
        return value.arguments[0]
    return FOREIGN if value.short in _MAPPINGS else None


def entry_of(value: Known, index: int | None) -> Known:
    """Return what an index yields.

    :param index: its value, where it is a plain number.
    """
    if value is None:
        return None
    if value.short in ("tuple", "Tuple") and index is not None and value.arguments:
        if value.arguments[-1].name == "...":
            return value.arguments[0]
        return value.arguments[index] if -len(value.arguments) <= index < len(value.arguments) else None
    if value.short in _MAPPINGS and value.arguments:
        return value.arguments[-1]
    return element_of(value)


def called_method(owner: TypeTerm, method: str, given: int) -> Known:
    """Return what a method of a container gives.

    :param given: the number of arguments; with a default there may be another type.
    """
    if owner.short not in _MAPPINGS:
        return element_of(owner) if method in ("pop", "popleft") else None
    *keys, entry = owner.arguments or (UNKNOWN,)
    match method:
        case "values":
            return TypeTerm("Iterable", (entry,))
        case "items":
            return TypeTerm("Iterable", (TypeTerm("tuple", (keys[0] if keys else FOREIGN, entry)),))
        case "get" | "pop" if given == 1:
            return entry
        case _:
            return None


def called_builtin(name: str, given: list[Known]) -> Known:
    """Return what a function of Python gives for arguments."""
    if not given:
        return None
    if name in _SAME:
        inner = element_of(given[0])
        return TypeTerm("list", (inner,)) if inner else None
    if name == "next":
        return element_of(given[0])
    if name in ("min", "max") and len(given) == 1:
        return element_of(given[0])
    if name in ("enumerate", "zip"):
        inner_ones = [element_of(one) for one in given]
        parts = [FOREIGN, inner_ones[0]] if name == "enumerate" else inner_ones
        return TypeTerm("Iterable", (TypeTerm("tuple", tuple(part or UNKNOWN for part in parts)),))
    return None


def result_of(value: Known) -> Known:
    """Return what ``yield from`` gives for a plan."""
    if value is None or not value.arguments:
        return None
    if value.short == "MsgGenerator":
        return value.arguments[0]
    return value.arguments[2] if value.short == "Generator" and len(value.arguments) == 3 else None


def awaited(value: Known) -> Known:
    """Return what ``await`` gives."""
    if value is None or not value.arguments:
        return None
    if value.short in ("Awaitable", "Coroutine", "Task", "Future"):
        return value.arguments[-1]
    return None
