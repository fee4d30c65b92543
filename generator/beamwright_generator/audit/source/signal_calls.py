"""What calls of ophyd-async's and of Python's own functions make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from beamwright_generator.audit.source.values import UNKNOWN, SignalValue, Value

_PARAMETERS: Final = {
    "epics_signal_r": ("SignalR", ("datatype", "read_pv", "name", "timeout")),
    "epics_signal_rw": ("SignalRW", ("datatype", "read_pv", "write_pv", "name", "timeout")),
    "epics_signal_rw_rbv": ("SignalRW", ("datatype", "write_pv", "read_suffix", "name", "timeout")),
    "epics_signal_w": ("SignalW", ("datatype", "write_pv", "name", "timeout")),
    "epics_signal_x": ("SignalX", ("write_pv", "name", "timeout")),
    "epics_triggerable_command": ("TriggerableCommand", ("write_pv", "execute_value", "name", "timeout")),
}
"""The functions of ophyd-async that make EPICS signals, with what they make and their parameters."""


def signal_made(name: str, arguments: list[Value], keywords: Mapping[str, Value]) -> SignalValue | None:
    """Give the signal that a function of ophyd-async makes; None where it makes none."""
    if name not in _PARAMETERS:
        return None
    kind, parameters = _PARAMETERS[name]
    given = {**dict(zip(parameters, arguments, strict=False)), **keywords}
    write = given.get("write_pv")
    read = given.get("read_pv", write)
    if name == "epics_signal_rw_rbv":
        read = _readback(write, given.get("read_suffix", "_RBV"))
    if write is None:
        write = read
    return SignalValue(kind, given.get("datatype"), read, write)


def _readback(write: Value, suffix: Value) -> Value:
    if not isinstance(write, str) or not isinstance(suffix, str):
        return UNKNOWN
    record, dot, field = write.partition(".")
    return f"{record}{suffix}{dot}{field}"


def built_in(path: str, arguments: list[Value]) -> Value:
    """Give what a function of Python makes, where that is plain."""
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
        case "typing.cast", [_, made]:
            return made
        case _:
            return UNKNOWN
