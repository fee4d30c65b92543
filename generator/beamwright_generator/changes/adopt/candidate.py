"""Which generated class replaces one that somebody wrote by hand: the one on the same PVs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from beamwright_generator.changes.diff.change import ChangeKind, Changes, Effect, Subject
from beamwright_generator.changes.diff.correspondence import Pairs, paired_members, paired_states
from beamwright_generator.changes.diff.member_diff import member_changes
from beamwright_generator.changes.diff.renames import Successors
from beamwright_generator.changes.interface.device_interface import Interface, entry_type
from beamwright_generator.changes.interface.elements import DeviceClass, EnumClass, Member, common_start
from beamwright_generator.python.type_terms import TypeTerm

LEAST_COVERED = 0.5
"""The part of its PVs that a class must find in the one that replaces it."""


@dataclass(frozen=True)
class Adoption:
    """A hand-written class and the generated one that replaces it.

    :param offset: what the prefix of the generated class has behind that of the hand-written one.
    :param pairs: members of the generated class by those of the hand-written one.
    :param before: the members of the hand-written class, `after` those of the generated one.
    """

    name: str
    now: str
    offset: str
    pairs: Pairs
    before: Mapping[str, Member]
    after: Mapping[str, Member]

    @property
    def covered(self) -> tuple[int, int]:
        """How many of how many members with PVs have a counterpart."""
        with_pvs = [name for name, member in self.before.items() if member.pvs]
        return sum(name in self.pairs for name in with_pvs), len(with_pvs)


def best_class(hand: Interface, name: str, generated: Interface, candidates: Iterable[str]) -> tuple[str, float]:
    """Find the candidate that has most PVs of a class, and of those the one that has least besides.

    :return: its full name, and which part of the PVs it has; an empty name without any.
    """
    wanted = _suffixes(hand, name)
    best, best_score = "", (0.0, 0.0)
    for candidate in sorted(candidates):
        has = _suffixes(generated, candidate)
        for offset in {"", common_start(wanted)}:
            stripped = {pv.removeprefix(offset) for pv in wanted}
            shared = len(stripped & has)
            score = (shared / max(len(wanted), 1), shared / max(len(has), 1))
            if score > best_score:
                best, best_score = candidate, score
    return best, best_score[0]


def adopt(hand: Interface, name: str, generated: Interface, now: str) -> tuple[list[Adoption], Successors]:
    """Pair a class and the devices in it with generated ones."""
    adoptions = list(_adopted(hand, name, generated, now, set()))
    enums = _paired_enums(adoptions, hand, generated)
    classes = {one.name: one.now for one in adoptions}
    old = Interface({one.name: _flat(hand, one) for one in adoptions}, {enum: _enum(hand, enum) for enum in enums}, {})
    states = {
        enum: {
            state: other
            for state, (other, by) in paired_states(old.enums[enum].states, _enum(generated, after).states).items()
            if by != "state number"
        }
        for enum, after in enums.items()
    }
    members = {one.name: one.pairs for one in adoptions}
    calls = {one.name: told for one in adoptions if (told := _call(one, hand, generated))}
    successors = Successors(old, generated, {}, classes, enums, members, states, calls=calls)
    found = [
        change
        for one in adoptions
        for member, other in one.pairs.items()
        for change in member_changes(
            Subject.MEMBER,
            one.name,
            one.before[member],
            one.after[other],
            lambda full: classes.get(full) or enums.get(full) or full,
            generated,
        )
        if change.effect is Effect.BREAKING and change.kind in (ChangeKind.RETYPED, ChangeKind.MOVED)
    ]
    return adoptions, Changes(tuple(found), successors).successors


def _adopted(hand: Interface, name: str, generated: Interface, now: str, seen: set[str]) -> Iterable[Adoption]:
    seen.add(name)
    offset = _best_offset(hand, name, generated, now)
    before = {attribute: _stripped(member, offset) for attribute, member in hand.members_of(name).items()}
    after = _members(generated, now)
    pairs = paired_members(before, after)
    yield Adoption(name, now, offset, pairs, before, after)
    for attribute, other in pairs.items():
        inner, its = entry_type(before[attribute].type).name, entry_type(after[other].type).name
        if inner in hand.classes and its in generated.classes and inner not in seen:
            yield from _adopted(hand, inner, generated, its, seen)


def _call(one: Adoption, hand: Interface, generated: Interface) -> str:
    """Tell what is other where a device is made; empty if both are made alike."""
    short = one.now.rpartition(".")[2]
    if _is_placed(one.now):
        factories = [device.name for device in generated.factories.values() if device.type.name == one.now]
        return f"{short} has its prefixes in itself: call {' or '.join(factories)} for it"
    if one.offset:
        return f"the prefix of {short} needs {one.offset} at its end"
    given = set(hand.classes[one.name].required) ^ set(generated.classes[one.now].required)
    return f"{short} is made with other arguments: {', '.join(sorted(given))}" if given else ""


def _members(generated: Interface, name: str) -> Mapping[str, Member]:
    """Give members by suffixes; those of a group or a detector have whole prefixes, whose common part goes."""
    members = generated.members_of(name)
    if not _is_placed(name):
        return members
    start = common_start(pv for member in members.values() for pv in member.read)
    return {attribute: _stripped(member, start) for attribute, member in members.items()}


def _is_placed(name: str) -> bool:
    return ".beamlines." in name


def _suffixes(interface: Interface, name: str) -> frozenset[str]:
    found = interface.pvs_below(name) - {""}
    start = common_start(found) if _is_placed(name) else ""
    return frozenset(pv.removeprefix(start) for pv in found)


def _best_offset(hand: Interface, name: str, generated: Interface, now: str) -> str:
    had, has = _suffixes(hand, name), _suffixes(generated, now)
    offset = common_start(had)
    stripped = {pv.removeprefix(offset) for pv in had}
    return offset if len(stripped & has) > len(had & has) else ""


def _stripped(member: Member, start: str) -> Member:
    read, write = (tuple(pv.removeprefix(start) for pv in pvs) for pvs in (member.read, member.write))
    return replace(member, read=read, write=write)


def _paired_enums(adoptions: Iterable[Adoption], hand: Interface, generated: Interface) -> Pairs:
    enums: Pairs = {}
    for one in adoptions:
        for attribute, other in one.pairs.items():
            sides = one.before[attribute].type.arguments, one.after[other].type.arguments
            for had, has in zip(*sides, strict=False):
                if hand.enum_of(had.name) and generated.enum_of(has.name) and had.name != has.name:
                    enums.setdefault(had.name, has.name)
    return enums


def _enum(interface: Interface, name: str) -> EnumClass:
    found = interface.enum_of(name)
    assert found is not None
    return found


def _flat(hand: Interface, one: Adoption) -> DeviceClass:
    """Give a class with all that it inherits, and its methods as members, which are gone afterwards."""
    lineage = [known for term in hand.lineage(one.name) if (known := hand.classes.get(term.name))]
    methods = {method: Member(method, TypeTerm("method")) for known in lineage for method in known.methods}
    return replace(hand.classes[one.name], bases=(), members={**methods, **hand.members_of(one.name)})
