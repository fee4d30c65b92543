"""Which thing of before is which of after: by the PVs it is on, since names may change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.interface.elements import Factory, Member

LEAST_SHARED = 0.5
"""The part of its records that a class must share with one of another name to be taken for it."""

ThingT = TypeVar("ThingT")
Pairs = dict[str, str]
"""New names by old ones."""


def paired_members(before: Mapping[str, Member], after: Mapping[str, Member]) -> Pairs:
    """Pair members: one that keeps its name and a PV is itself; others are found by their PVs, the rest by name."""
    pairs = {
        name: name
        for name, member in before.items()
        if name in after and (set(member.pvs) & set(after[name].pvs) or not (member.pvs or after[name].pvs))
    }
    keys: tuple[Callable[[Member], Hashable], ...] = (
        lambda member: (member.read, member.written) if member.pvs else None,
        lambda member: member.written or None,
        lambda member: member.read or None,
    )
    for key in keys:
        pairs |= _unique(_left(before, pairs), _left(after, pairs.values()), key)
    return pairs | {name: name for name in _left(before, pairs) if name in _left(after, pairs.values())}


def paired_factories(before: Mapping[str, Factory], after: Mapping[str, Factory]) -> Pairs:
    """Pair devices: one that keeps its name and prefixes is itself; others are found by prefix, the rest by name."""
    pairs = {
        name: name for name, device in before.items() if name in after and _meet(device.prefixes, after[name].prefixes)
    }
    keys: tuple[Callable[[Factory], Hashable], ...] = (
        lambda device: (device.module, device.prefixes, device.type.short) if device.prefixes else None,
        lambda device: (device.module, device.prefixes) if device.prefixes else None,
        lambda device: (device.module, device.prefixes[0]) if device.prefixes else None,
    )
    for key in keys:
        pairs |= _unique(_left(before, pairs), _left(after, pairs.values()), key)
    return pairs | {name: name for name in _left(before, pairs) if name in _left(after, pairs.values())}


def _meet(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    return bool(set(before) & set(after)) or not (before or after)


def _left(things: Mapping[str, ThingT], taken: Iterable[str]) -> dict[str, ThingT]:
    gone = set(taken)
    return {name: thing for name, thing in things.items() if name not in gone}


def _unique(
    before: Mapping[str, ThingT], after: Mapping[str, ThingT], key: Callable[[ThingT], Hashable | None]
) -> Pairs:
    """Pair what alone has a key on either side."""
    sides = []
    for things in (before, after):
        by_key: dict[Hashable, list[str]] = defaultdict(list)
        for name, thing in things.items():
            by_key[key(thing)].append(name)
        sides.append({k: names[0] for k, names in by_key.items() if k is not None and len(names) == 1})
    return {name: sides[1][k] for k, name in sides[0].items() if k in sides[1]}


def paired_classes(old: Interface, new: Interface, devices: Mapping[str, str]) -> Pairs:
    """Pair classes: by name, and what is left by the records that they share.

    :param devices: how devices are paired; classes at the same place share less and are still the same.
    """
    pairs = {name: name for name in old.classes if name in new.classes}
    come = _left(new.classes, pairs.values())
    holders: dict[str, list[str]] = defaultdict(list)
    records = {name: new.pvs_below(name) for name in come}
    for name, pvs in records.items():
        for pv in pvs:
            holders[pv].append(name)
    placed = {(old.factories[a].type.name, new.factories[b].type.name) for a, b in devices.items()}
    scores: list[tuple[float, str, str]] = []
    for name in _left(old.classes, pairs):
        had = old.pvs_below(name)
        shared = Counter(holder for pv in had for holder in holders[pv])
        for other, count in shared.items():
            score = count / len(had | records[other])
            if score >= LEAST_SHARED or (name, other) in placed or _same_word(name, other):
                scores.append((score, name, other))
        scores += [(0.0, name, o) for o in come if not had and not records[o] and _same_word(name, o)]
    for _, name, other in sorted(scores, key=lambda s: (-s[0], not _same_word(s[1], s[2]), s[1], s[2])):
        if name not in pairs and other not in pairs.values():
            pairs[name] = other
    return pairs


def _same_word(one: str, other: str) -> bool:
    return one.rpartition(".")[2] == other.rpartition(".")[2]


def paired_states(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the new name of each member of an enum, and what tells it: ``text``, ``name``, ``state number``."""
    by_text = {text: member for member, text in after.items()}
    pairs = {member: (by_text[text], "text") for member, text in before.items() if text in by_text}
    taken = {name for name, _ in pairs.values()}
    for member in before:
        if member not in pairs and member in after and member not in taken:
            pairs[member] = (member, "name")
            taken.add(member)
    # A record keeps its other states in their places when one is worded anew.
    for (member, _), (other, _) in zip(before.items(), after.items(), strict=False):
        if member not in pairs and other not in taken:
            pairs[member] = (other, "state number")
            taken.add(other)
    return pairs
