"""The differences of two interfaces: devices first, then classes with their members, then enums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from beamwright_generator.basics.grammar import counted
from beamwright_generator.changes.diff.change import Change, ChangeKind, Changes, Effect, Subject
from beamwright_generator.changes.diff.correspondence import (
    Pairs,
    paired_classes,
    paired_factories,
    paired_members,
    paired_states,
)
from beamwright_generator.changes.diff.member_diff import member_changes
from beamwright_generator.changes.diff.renames import Successors
from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.interface.elements import EnumClass, Factory
from beamwright_generator.python.type_terms import TypeTerm


def compare(old: Interface, new: Interface) -> Changes:
    """Find what changed between two interfaces."""
    comparison = _Comparison(old, new)
    return Changes(tuple(comparison.found()), comparison.successors)


def enum_changes(before: EnumClass, after: EnumClass) -> Iterator[Change]:
    """Find what changed of one enum."""
    pairs = paired_states(before.states, after.states)
    for member, text in before.states.items():
        name, found_by = pairs.get(member, ("", ""))
        now = after.states.get(name, "")
        told = (Subject.STATE, before.name, member)
        if not name:
            yield Change(Effect.BREAKING, ChangeKind.REMOVED, *told, before=text)
        elif name != member:
            yield Change(Effect.BREAKING, ChangeKind.RENAMED, *told, to=name, before=text, after=now, found_by=found_by)
        elif now != text:
            yield Change(Effect.BREAKING, ChangeKind.RETYPED, *told, before=text, after=now)
    known = {name for name, _ in pairs.values()}
    for member, text in after.states.items():
        if member not in known:
            yield Change(Effect.COMPATIBLE, ChangeKind.ADDED, Subject.STATE, before.name, member, after=text)
    if before.kind != after.kind and after.kind.endswith("Enum"):
        place = before.name.rpartition(".")
        yield Change(
            Effect.COMPATIBLE,
            ChangeKind.RETYPED,
            Subject.ENUM,
            place[0],
            place[2],
            before=before.kind,
            after=after.kind,
        )


class _Comparison:
    def __init__(self, old: Interface, new: Interface) -> None:
        self.old, self.new = old, new
        self.devices = paired_factories(old.factories, new.factories)
        self.classes = paired_classes(old, new, self.devices)
        self.members: dict[str, Pairs] = {
            name: paired_members(old.members_of(name), new.members_of(now)) for name, now in self.classes.items()
        }
        self.enums = {name: name for name in old.enums if name in new.enums}
        self.enums |= self._renamed_enums()

    def name_now(self, name: str) -> str:
        """Give the new full name of what had an old one."""
        return self.classes.get(name) or self.enums.get(name) or name

    @property
    def successors(self) -> Successors:
        """What everything is called now."""
        states = {
            name: {state: now for state, (now, _) in paired_states(self.old.enums[name].states, after.states).items()}
            for name, enum in self.enums.items()
            if (after := self.new.enum_of(enum)) is not None
        }
        return Successors(self.old, self.new, self.devices, self.classes, self.enums, self.members, states)

    def found(self) -> Iterator[Change]:
        yield from self._devices()
        yield from self._classes()
        for name, now in sorted(self.enums.items()):
            if now != name:
                yield _renamed(Subject.ENUM, name, now, "PV")
            after = self.new.enum_of(now)
            if after is not None:
                yield from enum_changes(self.old.enums[name], after)
        # A new enum is told with the member that it belongs to.
        for name in sorted(self.old.enums.keys() - self.enums.keys()):
            yield Change(Effect.BREAKING, ChangeKind.REMOVED, Subject.ENUM, *_placed(name))

    def _renamed_enums(self) -> Pairs:
        """Pair enums of other names that are the states of the same PV."""
        pairs: Pairs = {}
        for name, members in self.members.items():
            before, after = self.old.members_of(name), self.new.members_of(self.classes[name])
            for member, now in members.items():
                had, has = before[member].type.arguments, after[now].type.arguments
                for one, other in zip(had, has, strict=False):
                    if one.name in self.old.enums and one.name not in self.new.enums and self.new.enum_of(other.name):
                        pairs.setdefault(one.name, other.name)
        return pairs

    def _devices(self) -> Iterator[Change]:
        for name, device in self.old.factories.items():
            now = self.devices.get(name)
            if now is None:
                yield Change(Effect.BREAKING, ChangeKind.REMOVED, *_told(device), before=str(device.type))
            else:
                yield from self._device(device, self.new.factories[now])
        kept = set(self.devices.values())
        for name, device in self.new.factories.items():
            if name not in kept:
                yield Change(
                    Effect.COMPATIBLE, ChangeKind.ADDED, *_told(device), after=str(device.type), pvs=device.prefixes
                )

    def _device(self, before: Factory, after: Factory) -> Iterator[Change]:
        if before.name != after.name:
            new = after.short if after.module == before.module else after.name
            yield Change(
                Effect.BREAKING, ChangeKind.RENAMED, *_told(before), to=new, pvs=(after.prefix,), found_by="prefix"
            )
        if before.type.renamed(self.name_now) != after.type:
            effect = self._type_effect(before.type, after.type)
            yield _altered(effect, ChangeKind.RETYPED, after, str(before.type), str(after.type))
        if before.type.name.rpartition(".")[0] != before.module and before.prefixes != after.prefixes:
            same = _without_transport(before.prefixes) == _without_transport(after.prefixes)
            effect = Effect.COMPATIBLE if same else Effect.BREAKING
            sides = ", ".join(before.prefixes), ", ".join(after.prefixes)
            yield _altered(effect, ChangeKind.MOVED, after, *sides)
        yield from _connected_otherwise(before, after)
        if before.doc != after.doc:
            yield _altered(Effect.COSMETIC, ChangeKind.REWORDED, after, before.doc, after.doc)

    def _type_effect(self, before: TypeTerm, after: TypeTerm) -> Effect:
        derived = not after.arguments and self.new.derives(after.name, self.name_now(before.name))
        return Effect.COMPATIBLE if derived else Effect.BREAKING

    def _classes(self) -> Iterator[Change]:
        for name in sorted(self.old.classes.keys() - self.classes.keys()):
            yield Change(Effect.BREAKING, ChangeKind.REMOVED, Subject.CLASS, *_placed(name))
        kept = set(self.classes.values())
        for name in sorted(self.new.classes.keys() - kept):
            note = f"with {counted(len(self.new.members_of(name)), 'attribute')}"
            yield Change(Effect.COMPATIBLE, ChangeKind.ADDED, Subject.CLASS, *_placed(name), note=note)
        told: dict[str, set[Change]] = {}
        for name in sorted(self.classes, key=lambda n: (len(list(self.old.lineage(n))), n)):
            found = list(self._class(name, self.classes[name]))
            told[name] = set(found)
            # What a base brought is told once, for the base.
            above = [c for base in self.old.lineage(name) if base.name != name for c in told.get(base.name, ())]
            known = {(c.kind, c.name, c.to, c.before, c.after) for c in above if c.subject is not Subject.CLASS}
            yield from (c for c in found if (c.kind, c.name, c.to, c.before, c.after) not in known)

    def _class(self, name: str, now: str) -> Iterator[Change]:
        before, after = self.old.classes[name], self.new.classes[now]
        if name != now:
            yield _renamed(Subject.CLASS, name, now, "records")
        above = {term.name for term in self.new.lineage(now)}
        lost = [base for base in before.bases if self.name_now(base.name) not in above]
        gained = [base for base in after.bases if base not in (b.renamed(self.name_now) for b in before.bases)]
        if lost or gained:
            sides = ", ".join(map(str, before.bases)), ", ".join(map(str, after.bases))
            effect = Effect.BREAKING if lost else Effect.COMPATIBLE
            yield Change.altered(effect, ChangeKind.RETYPED, Subject.CLASS, _placed(now), sides)
        if before.doc != after.doc:
            yield Change.altered(
                Effect.COSMETIC, ChangeKind.REWORDED, Subject.CLASS, _placed(now), (before.doc, after.doc)
            )
        yield from self._members(name, now)

    def _members(self, name: str, now: str) -> Iterator[Change]:
        before, after, pairs = self.old.members_of(name), self.new.members_of(now), self.members[name]
        table = self.new.classes[now].table
        subject = Subject.COLUMN if table else Subject.MEMBER
        for member, was in before.items():
            is_now = after.get(pairs.get(member, ""))
            if is_now is None:
                yield Change(
                    Effect.BREAKING, ChangeKind.REMOVED, subject, name, member, before=str(was.type), pvs=was.pvs
                )
            else:
                yield from member_changes(subject, name, was, is_now, self.name_now, self.new)
        kept = set(pairs.values())
        for member, added in after.items():
            if member not in kept:
                # A table is made with all of its columns.
                effect = Effect.BREAKING if table else Effect.COMPATIBLE
                yield Change(effect, ChangeKind.ADDED, subject, name, member, after=str(added.type), pvs=added.pvs)
        yield from _reordered(subject, name, before, after, pairs)


def _reordered(
    subject: Subject, name: str, before: Mapping[str, object], after: Mapping[str, object], pairs: Pairs
) -> Iterator[Change]:
    kept = [pairs[member] for member in before if member in pairs]
    if kept != [member for member in after if member in set(kept)]:
        told = Subject.CLASS if subject is Subject.MEMBER else subject
        yield Change(Effect.COSMETIC, ChangeKind.REWORDED, told, *_placed(name), before="one order", after="another")


def _connected_otherwise(before: Factory, after: Factory) -> Iterator[Change]:
    for option in sorted({*before.options, *after.options}):
        was, now = before.options.get(option, ""), after.options.get(option, "")
        if was != now:
            effect = Effect.COSMETIC if option == "ioc" else Effect.COMPATIBLE
            sides = f"{option} {was}" if was else "", f"{option} {now}" if now else ""
            yield _altered(effect, ChangeKind.CONNECTED, after, *sides)
    if before.parameters != after.parameters:
        sides = ", ".join(before.parameters), ", ".join(after.parameters)
        yield _altered(Effect.BREAKING, ChangeKind.CONNECTED, after, *sides, note="parameters")


def _told(device: Factory) -> tuple[Subject, str, str]:
    return Subject.DEVICE, device.module, device.short


def _altered(effect: Effect, kind: ChangeKind, device: Factory, before: str, after: str, note: str = "") -> Change:
    return Change.altered(effect, kind, Subject.DEVICE, (device.module, device.short), (before, after), note)


def _renamed(subject: Subject, name: str, now: str, found_by: str) -> Change:
    owner, short = _placed(name)
    module, new = _placed(now)
    return Change(
        Effect.BREAKING, ChangeKind.RENAMED, subject, owner, short, new if module == owner else now, found_by=found_by
    )


def _placed(name: str) -> tuple[str, str]:
    """Part a full name into where it stands and what it is called there."""
    owner, _, short = name.rpartition(".")
    return owner, short


def _without_transport(prefixes: tuple[str, ...]) -> list[str]:
    return [prefix.removeprefix("ca://").removeprefix("pva://") for prefix in prefixes]
