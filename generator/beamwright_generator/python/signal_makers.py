"""What calls of ophyd-async's and of Python's own functions make.

The table has the parameters of the functions in `ophyd_async.epics.core`, and what they make of them; a test holds it
against the installed version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from beamwright_generator.python.values import UNKNOWN, SignalValue, UnknownValue, Value

SIGNAL_MAKERS: Final = {
    "epics_signal_r": ("SignalR", ("datatype", "read_pv", "name", "timeout")),
    "epics_signal_rw": ("SignalRW", ("datatype", "read_pv", "write_pv", "name", "timeout", "attempts", "wait")),
    "epics_signal_rw_rbv": ("SignalRW", ("datatype", "write_pv", "read_suffix", "name", "timeout", "attempts", "wait")),
    "epics_signal_w": ("SignalW", ("datatype", "write_pv", "name", "timeout", "attempts", "wait")),
    "epics_signal_x": ("SignalX", ("write_pv", "name", "timeout")),
    "epics_triggerable_command": ("TriggerableCommand", ("write_pv", "execute_value", "name", "timeout")),
}
"""The functions of ophyd-async that make EPICS signals, with what they make and their parameters."""


def signal_made(name: str, arguments: list[Value], keywords: Mapping[str, Value]) -> SignalValue | None:
    """Return the signal that a function of ophyd-async makes; None where it makes none."""
    if name not in SIGNAL_MAKERS:
        return None
    kind, parameters = SIGNAL_MAKERS[name]
    given = {**dict(zip(parameters, arguments, strict=False)), **keywords}
    write = given.get("write_pv") or None
    read = given.get("read_pv", write)
    if name == "epics_signal_rw_rbv":
        read = readback(write, given.get("read_suffix", "_RBV"))
    if write is None:
        write = read
    return SignalValue(kind, given.get("datatype"), read, write)


def readback(write: Value, suffix: Value) -> Value:
    """Return the PV that reads back another: the suffix belongs to the record, before a field."""
    if not isinstance(write, str) or not isinstance(suffix, str):
        return UNKNOWN
    record, dot, field = write.partition(".")
    return f"{record}{suffix}{dot}{field}"


def built_in(path: str, arguments: list[Value]) -> Value:
    """Return what a function of Python makes, where that is plain."""
    whole = [one for one in arguments if isinstance(one, int)]
    match path, arguments:
        case "range", [_, *_] if len(whole) == len(arguments) <= 3:
            return list(range(*whole))
        case "str", [str() | int() as one]:
            return str(one)
        case "enumerate", [list() | tuple() as some, *rest]:
            start = rest[0] if rest and isinstance(rest[0], int) else 0
            return [(number, one) for number, one in enumerate(some, start)]
        case (("list" | "tuple"), [list() | tuple() as some]):
            return list(some)
        case "dict", []:
            return dict[object, Value]()
        case "dict", [dict() as some]:
            return dict[object, Value](some)
        case "dict", [list() | tuple() as some]:
            pairs = [one for one in some if isinstance(one, tuple) and len(one) == 2]
            return {key_of(key): value for key, value in pairs} if len(pairs) == len(some) else UNKNOWN
        case "typing.cast", [_, made]:
            return made
        case _:
            return UNKNOWN


def key_of(value: Value) -> object:
    """Return the key that a value is in a dictionary; all values that are not known are the same."""
    return value if isinstance(value, str | int | float | tuple | UnknownValue) else id(value)
