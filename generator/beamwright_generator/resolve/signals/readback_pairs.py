"""Setpoints and their readbacks: which records are two sides of one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from beamwright_generator.basics.grammar import counted
from beamwright_generator.basics.source_text import Position
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.types.kinds import Kind, Served
from beamwright_generator.resolve.types.template_record import READBACK_TYPES, SETPOINT_TYPES

CONVENTIONS: Final = (
    ("", "_RBV"),
    ("", ":RBV"),
    ("", "_RB"),
    ("", ":RB"),
    ("", "RBV"),
    ("", "_READBACK"),
    ("", ":READBACK"),
    ("_SP", "_RBV"),
    (":SP", ":RBV"),
    ("_SP", "_RB"),
    (":SP", ":RB"),
    ("-SP", "-RB"),
    ("-SP", "-I"),
    (":SET", ":RBV"),
    ("_SET", "_RBV"),
    (":SET", ":RB"),
    ("_SET", "_MON"),
    (":SET", ":MON"),
    ("_SP", ""),
    (":SP", ""),
    ("AO", "RdbkAO"),
)
"""Endings of setpoint and readback, tried in this order: areaDetector's first, then what facilities use
(``_SP``/``_RBV`` and ``:SP`` at ISIS and Diamond, ``-SP``/``-RB``/``-I`` at NSLS-II, ``AO``/``RdbkAO`` in optics)."""


class Judged(Protocol):
    """A record with its type, as pairing needs it."""

    @property
    def leaf(self) -> str:
        """The name after the device prefix."""
        ...

    @property
    def type(self) -> str:
        """The record type."""
        ...

    @property
    def served(self) -> Served:
        """The datatype of its value."""
        ...

    @property
    def at(self) -> Position:
        """Where it is defined."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """A setpoint and its readback.

    :param stem: the name they share, which the attribute is named after.
    :param served: the type of both; a bool when only the labels of two states differ.
    """

    setpoint: str
    readback: str
    stem: str
    served: Served


def pair_records(
    records: Sequence[Judged], given: Mapping[str, str], keep_apart: frozenset[str], problems: Problems
) -> list[Pair]:
    """Find the pairs among the records of one device type; each record is in one pair at the most.

    :param given: setpoint to readback as a PVI description says, taken before any convention.
    :param keep_apart: leaves that an override makes a signal of their own.
    """
    by_leaf = {record.leaf: record for record in records}
    taken = set(keep_apart)
    pairs = []
    for setpoint, readback, stem in _candidates(records, by_leaf, given):
        if setpoint in taken or readback in taken:
            continue
        served = _agree(by_leaf[setpoint].served, by_leaf[readback].served)
        if served is None:
            _report(by_leaf[setpoint], by_leaf[readback], problems)
            continue
        taken |= {setpoint, readback}
        pairs.append(Pair(setpoint, readback, stem, served))
    return pairs


def _candidates(
    records: Sequence[Judged], by_leaf: Mapping[str, Judged], given: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    for setpoint, readback in given.items():
        if setpoint in by_leaf and readback in by_leaf:
            yield setpoint, readback, setpoint
    for ending, other in CONVENTIONS:
        for record in records:
            if not record.leaf.endswith(ending) or record.type not in SETPOINT_TYPES:
                continue
            stem = record.leaf[: len(record.leaf) - len(ending)]
            partner = by_leaf.get(stem + other)
            if partner is None or partner is record:
                continue
            if other == "_RBV" or partner.type in READBACK_TYPES or (ending, other) == ("AO", "RdbkAO"):
                yield record.leaf, partner.leaf, stem or record.leaf


def _agree(setpoint: Served, readback: Served) -> Served | None:
    """Return the type that both sides can have in one signal, or None.

    ophyd-async wants the same native type, and the same choices in the same order for an enum; two states that
    differ in their labels only still make a bool.
    """
    if setpoint.native != readback.native or setpoint.suffix != readback.suffix:
        return None
    if setpoint.kind is readback.kind is Kind.ENUM and setpoint.states == readback.states:
        return setpoint if setpoint.driver_states else readback
    if setpoint.kind is readback.kind is Kind.ENUM and _brought(setpoint) and _brought(readback):
        # Drivers often bring a readback states that nobody can set; plans keep one signal all the same.
        states = tuple(dict.fromkeys((*setpoint.states, *readback.states)))
        return replace(setpoint, states=states, driver_states=True)
    if setpoint.takes_bool and readback.takes_bool and Kind.ENUM in (setpoint.kind, readback.kind):
        return Served(Kind.BOOL, setpoint.native, setpoint.suffix, setpoint.states)
    if setpoint.kind is not readback.kind or setpoint.dtype != readback.dtype or setpoint.kind is Kind.ENUM:
        return None
    return setpoint


def _brought(served: Served) -> bool:
    """Return whether a driver brought the states and the running IOC has shown them."""
    return served.observed


def _report(setpoint: Judged, readback: Judged, problems: Problems) -> None:
    mine, its = setpoint.served, readback.served
    width = max(len(setpoint.leaf), len(readback.leaf))
    if mine.kind is its.kind is Kind.ENUM:
        message = states_differ(setpoint.leaf, mine.states, readback.leaf, its.states)
        detail = [f"{side.leaf:{width}}  {', '.join(side.served.states)}" for side in (setpoint, readback)]
        hint = "they are generated as two signals; make the states equal to get one readable and settable signal"
    else:
        message = f"{readback.leaf} is served as {its.native}, {setpoint.leaf} as {mine.native}"
        detail = [f"{side.leaf:{width}}  {side.type}: {side.served.kind}" for side in (setpoint, readback)]
        hint = "they are generated as two signals; records of the same type make one readable and settable signal"
    if Kind.DRIVER_STATES in (mine.kind, its.kind):
        message = f"{readback.leaf} and {setpoint.leaf} may be served differently, as their driver decides"
        hint = "they are generated as two signals; observe the running IOC, or give both the same states"
    problems.warning("unpairable-readback", readback.at, message, detail=detail, hint=hint)


def states_differ(setpoint: str, mine: Sequence[str], readback: str, its: Sequence[str]) -> str:
    """Say that a setpoint and its readback, of these names, have different states."""
    if len(its) == len(mine):
        return f"{readback} and {setpoint} have different states"
    if not its:
        return f"{readback} has no states, {setpoint} has {len(mine)}"
    return f"{readback} has {counted(len(its), 'state')}, {setpoint} has {len(mine) or 'none'}"
