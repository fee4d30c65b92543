"""What changed of one member of a class: its name, its type, its PVs, how it is recorded and described."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from beamwright_generator.changes.diff.change import Change, ChangeKind, Effect, Subject
from beamwright_generator.changes.interface.device_interface import VECTOR, Interface
from beamwright_generator.changes.interface.elements import Member

CORE = "ophyd_async.core."
EVENTS = ("HINTED_SIGNAL", "UNCACHED_SIGNAL", "HINTED_UNCACHED_SIGNAL")
"""The formats that put a signal into the events of a run."""

NameNow = Callable[[str], str]


def member_changes(
    subject: Subject, owner: str, before: Member, after: Member, name_now: NameNow, new: Interface
) -> Iterator[Change]:
    """Find what changed of a member.

    :param owner: the full name of its class before.
    :param name_now: gives the new full name of a class or enum.
    """
    name = after.name
    place = owner, name
    if name != before.name:
        yield Change(
            Effect.BREAKING, ChangeKind.RENAMED, subject, owner, before.name, to=name, pvs=before.pvs, found_by="PV"
        )
    if before.type.renamed(name_now) != after.type:
        effect, note = _type_effect(before, after, name_now, new)
        yield Change.altered(effect, ChangeKind.RETYPED, subject, place, (str(before.type), str(after.type)), note)
    if (before.read, before.written, before.entries) != (after.read, after.written, after.entries):
        sides = _pvs(before), _pvs(after)
        yield Change.altered(_pv_effect(before, after), ChangeKind.MOVED, subject, place, sides)
    if before.shown != after.shown:
        sides = before.shown, after.shown
        yield Change.altered(_shown_effect(before, after), ChangeKind.RECORDED, subject, place, sides)
    if before.options != after.options and before.type == after.type:
        sides = ", ".join(before.options), ", ".join(after.options)
        yield Change.altered(Effect.COMPATIBLE, ChangeKind.CONNECTED, subject, place, sides)
    if before.doc != after.doc:
        yield Change.altered(Effect.COSMETIC, ChangeKind.REWORDED, subject, place, (before.doc, after.doc))


def _type_effect(before: Member, after: Member, name_now: NameNow, new: Interface) -> tuple[Effect, str]:
    was, now = before.type.renamed(name_now), after.type
    if was.name == now.name == VECTOR:
        was, now = was.arguments[0], now.arguments[0]
    if not _may_stand_for(now.name, was.name, new):
        return Effect.BREAKING, ""
    if was.arguments == now.arguments:
        return Effect.COMPATIBLE, ""
    driver_states = any(option.startswith("DriverStates") for option in before.options)
    if driver_states and len(now.arguments) == 1 and new.enum_of(now.arguments[0].name):
        return Effect.COMPATIBLE, "the states of the driver are known now, and are texts still"
    return Effect.BREAKING, ""


def _may_stand_for(now: str, was: str, new: Interface) -> bool:
    """Tell whether what is now can do all that what was could."""
    wider = {f"{CORE}SignalR": {f"{CORE}SignalRW"}, f"{CORE}SignalW": {f"{CORE}SignalRW"}}
    return now == was or now in wider.get(was, ()) or new.derives(now, was)


def _pvs(member: Member) -> str:
    entries = member.entries or ("",) * len(member.read)
    texts = [f"{n}: {pv}" if n != "" else pv for n, pv in zip(entries, member.read, strict=False)]
    if member.write and member.write != member.read:
        texts += [f"put to {pv}" for pv in member.write]
    return ", ".join(texts)


def _pv_effect(before: Member, after: Member) -> Effect:
    """Tell what other PVs mean: a readback beside the same setpoint, or more entries, leave a plan as it was."""
    if before.entries:
        old = dict(zip(before.entries, zip(before.read, before.written, strict=False), strict=False))
        new = dict(zip(after.entries, zip(after.read, after.written, strict=False), strict=False))
        return Effect.COMPATIBLE if old.items() <= new.items() else Effect.BREAKING
    can_put = before.type.name != f"{CORE}SignalR"
    same = before.written == after.written if can_put else before.read == after.read
    lost_readback = can_put and bool(before.write) and not after.write
    return Effect.COMPATIBLE if same and not lost_readback else Effect.BREAKING


def _shown_effect(before: Member, after: Member) -> Effect:
    stays = not before.shown or (before.shown in EVENTS and after.shown in EVENTS)
    return Effect.COMPATIBLE if stays else Effect.BREAKING
