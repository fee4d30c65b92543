"""Whether ophyd-async connects a declared datatype to what a server announces, over CA and over PVA.

The rules are those of `make_converter` in ophyd-async's two backends; `python -m benchmarks.audit` compares every
verdict with signals that really connect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from beamwright_generator.audit.announcement import FLOATS, Announcement
from beamwright_generator.python.declarations import DatatypeDeclaration, DatatypeForm
from beamwright_generator.resolve.types.kinds import Kind, Transport, element_dtype, states_against

STATES: Final = ("ENUM", "NTEnum")
TEXTS: Final = ("STRING", "s")


class Outcome(Enum):
    """What comes of connecting."""

    CONNECTS = "connects"
    REFUSED = "refused"
    RUNTIME = "the driver decides"
    """The driver may bring other states than the descriptions hold."""
    OPEN = "not known"


@dataclass(frozen=True)
class Verdict:
    """What comes of connecting one signal.

    :param code: of the problem, where there is one.
    :param reason: what stands against it, as a sentence without a full stop.
    """

    outcome: Outcome
    code: str = ""
    reason: str = ""


CONNECTS: Final = Verdict(Outcome.CONNECTS)


def verdict(
    declared: DatatypeDeclaration, command: bool, sides: Sequence[tuple[str, Announcement]], transport: Transport
) -> Verdict:
    """Judge a signal.

    :param sides: the PVs it connects to, the one that is read first, each with what is announced for it.
    """
    found = _judged(declared, command, sides, transport)
    macros = [macro for _, side in sides for macro in side.macros]
    if found.outcome is Outcome.REFUSED and macros:
        return Verdict(Outcome.OPEN, "audit-open", f"{found.reason}, unless {', '.join(macros)} makes it another type")
    return found


def _judged(
    declared: DatatypeDeclaration, command: bool, sides: Sequence[tuple[str, Announcement]], transport: Transport
) -> Verdict:
    name, first = sides[0]
    if declared.form is DatatypeForm.UNKNOWN:
        return Verdict(Outcome.OPEN, "audit-unresolved", "its type cannot be told without running the code")
    if any(side.driver_only for _, side in sides):
        return _of_driver(declared, command, sides, transport)
    if command:
        return CONNECTS if first.served.takes_command else _refused(f"{_is(name, first)}, which no command can write")
    if odd := next(((n, s) for n, s in sides if s.native != first.native), None):
        return _refused(f"{_is(name, first)}, but {_is(*odd)}; both sides have to be the same", "audit-sides")
    if any(side.empty for _, side in sides) and declared.form in (DatatypeForm.STR, DatatypeForm.ANY):
        return Verdict(Outcome.OPEN, "audit-open", f"{name} does not connect while its text is empty")
    if first.native in STATES and declared.enum == "driver":
        return CONNECTS
    if first.native in STATES:
        return _of_states(declared, sides, transport)
    if _takes(declared, [side for _, side in sides], transport):
        return CONNECTS
    floats = declared.form is DatatypeForm.INT and first.native in FLOATS
    if floats and all(side.precision in (0, None) for _, side in sides):
        return Verdict(Outcome.OPEN, "audit-open", f"{name} is a float, which is an int only with a precision of 0")
    return _refused(f"{_is(name, first)}, declared {declared.text}")


def _refused(reason: str, code: str = "audit-type") -> Verdict:
    return Verdict(Outcome.REFUSED, code, reason)


def _is(name: str, side: Announcement) -> str:
    if side.native in STATES:
        return f"{name} has {_counted(side)}"
    return f"{name} is {_WORDS.get(side.native, side.native)}"


def _counted(side: Announcement) -> str:
    count = len(side.served.states)
    return "no states" if not count else f"{count} state{'' if count == 1 else 's'}"


_WORDS: Final = {
    "DOUBLE": "a float (DOUBLE)",
    "FLOAT": "a float (FLOAT)",
    "d": "a float (double)",
    "f": "a float (float)",
    "LONG": "an integer (LONG)",
    "SHORT": "an integer (SHORT)",
    "CHAR": "an integer (CHAR)",
    **{code: f"an integer ({code})" for code in "bBhHiIlL"},
    "STRING": "a string",
    "s": "a string",
    "CHAR[]": "an array of characters",
    "ab": "an array of characters",
}


def _takes(declared: DatatypeDeclaration, sides: Sequence[Announcement], transport: Transport) -> bool:
    native = sides[0].native
    array = native.endswith("[]") or native.startswith("a")
    match declared.form:
        case DatatypeForm.ANY:
            return True
        case DatatypeForm.BOOL:
            return sides[0].served.takes_bool
        case DatatypeForm.INT:
            whole = native in ("SHORT", "CHAR", "LONG", *"bBhHiIlL")
            return whole or (native in FLOATS and all(side.precision == 0 for side in sides))
        case DatatypeForm.FLOAT:
            return native in FLOATS
        case DatatypeForm.STR:
            return native in (*TEXTS, "CHAR[]", "ab")
        case DatatypeForm.ENUM:
            return native == "s" and bool(declared.enum)
        case DatatypeForm.STRINGS:
            return native in ("STRING[]", "ENUM[]", "as")
        case DatatypeForm.ARRAY:
            element = native.removesuffix("[]") if native.endswith("[]") else native.removeprefix("a")
            return array and declared.dtype == element_dtype(element, transport) != ""
        case _:
            return False


def _of_states(
    declared: DatatypeDeclaration, sides: Sequence[tuple[str, Announcement]], transport: Transport
) -> Verdict:
    """Judge what connects to a choice of states."""
    name, first = sides[0]
    fixed = not any(side.served.driver_states for _, side in sides)
    match declared.form:
        case DatatypeForm.BOOL:
            odd = next((one for one in sides if len(one[1].served.states) != 2), None)
            against = f"{_is(*odd)}, so it is no bool" if odd else ""
        case DatatypeForm.STR | DatatypeForm.ENUM | DatatypeForm.ANY:
            against = _texts_against(declared, sides, transport)
        case _:
            return _refused(f"{_is(name, first)}, declared {declared.text}")
    texts = declared.form is DatatypeForm.ENUM or (declared.form is DatatypeForm.STR and transport is Transport.PVA)
    if not against and texts and any(side.hidden for _, side in sides):
        return Verdict(Outcome.OPEN, "audit-open", f"{name} may have a value without state, which cannot be read")
    if not against:
        return CONNECTS
    if declared.form is DatatypeForm.ENUM and not declared.enum:
        return _refused(against)
    code = "audit-states" if declared.form is DatatypeForm.ENUM else "audit-type"
    return _refused(against, code) if fixed else Verdict(Outcome.RUNTIME, "audit-runtime-states", against)


def _texts_against(
    declared: DatatypeDeclaration, sides: Sequence[tuple[str, Announcement]], transport: Transport
) -> str:
    (name, first), *others = sides
    states = first.served.states
    for other, side in others:
        if side.served.states != states:
            return f"{name} and {other} have different states"
    if declared.form is DatatypeForm.ENUM:
        if not declared.enum:
            return f"{declared.text} is no StrictEnum, SubsetEnum or SupersetEnum"
        missing, extra = states_against(declared.enum, declared.states, states)
        parts = [f"lacks {_listed(missing)}"] if missing else []
        parts += [f"also has {_listed(extra)}"] if extra else []
        if parts:
            return f"{name} {' and '.join(parts)}, declared {declared.text}"
    if not states and (declared.form is DatatypeForm.ENUM or transport is Transport.PVA):
        return f"{name} has no states, so its value cannot be read"
    return ""


def _listed(states: set[str]) -> str:
    return ", ".join(repr(state) for state in sorted(states))


def _of_driver(
    declared: DatatypeDeclaration, command: bool, sides: Sequence[tuple[str, Announcement]], transport: Transport
) -> Verdict:
    """Judge a record whose states, if it has any, come from its driver alone."""
    name = sides[0][0]
    number = any(side.served.kind is Kind.DRIVER_STATES for _, side in sides)
    if declared.form is DatatypeForm.STR and transport is Transport.CA and not number and not command:
        return CONNECTS
    if (
        declared.form in (DatatypeForm.STR, DatatypeForm.ENUM, DatatypeForm.BOOL, DatatypeForm.ANY)
        or command
        or (number and declared.form is DatatypeForm.INT)
    ):
        return Verdict(Outcome.RUNTIME, "audit-runtime-states", f"{name} has the states that its driver brings, if any")
    return _refused(f"{name} has states that its driver brings, declared {declared.text}")
