"""One difference of generated code, how much it means for plans, and how it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from beamwright_generator.basics.grammar import counted
from beamwright_generator.changes.diff.renames import Successors


class Effect(StrEnum):
    """What a change means for a plan that was right before.

    BREAKING: it may fail, or do something else. COMPATIBLE: it does what it did. COSMETIC: it cannot tell.
    """

    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    COSMETIC = "cosmetic"


class ChangeKind(StrEnum):
    """What happened to something, in the order in which it is told."""

    REMOVED = "removed"
    RENAMED = "renamed"
    RETYPED = "retyped"
    MOVED = "moved"
    RECORDED = "recorded"
    CONNECTED = "connected"
    ADDED = "added"
    REWORDED = "reworded"


HEADINGS = {
    ChangeKind.REMOVED: "Removed",
    ChangeKind.RENAMED: "Renamed",
    ChangeKind.RETYPED: "Retyped",
    ChangeKind.MOVED: "On other PVs",
    ChangeKind.RECORDED: "Recorded otherwise in the documents of a run",
    ChangeKind.CONNECTED: "Made or connected otherwise",
    ChangeKind.ADDED: "Added",
    ChangeKind.REWORDED: "Described otherwise",
}


class Subject(StrEnum):
    """What changed."""

    DEVICE = "device"
    CLASS = "class"
    MEMBER = "member"
    COLUMN = "column"
    ENUM = "enum"
    STATE = "enum member"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    :param owner: the full name of what it stands in: a class, an enum, or a module for what stands in a module.
    :param name: what it is called there, before the change if there was a before.
    :param to: for what is renamed its new name, a full one where it stands in another module now.
    :param before: and `after`, what differs: types, PVs, texts of states.
    :param pvs: that a renamed thing was found by, or that something added is on.
    :param found_by: what a rename was found by: ``PV``, ``prefix``, ``text``, ``state number``, ``records``, ``name``.
    """

    effect: Effect
    kind: ChangeKind
    subject: Subject
    owner: str
    name: str
    to: str = ""
    before: str = ""
    after: str = ""
    pvs: tuple[str, ...] = ()
    found_by: str = ""
    note: str = ""

    @classmethod
    def altered(
        cls,
        effect: Effect,
        kind: ChangeKind,
        subject: Subject,
        place: tuple[str, str],
        sides: tuple[str, str],
        note: str = "",
    ) -> Change:
        """Make the change of something that keeps its name.

        :param place: what it stands in, and its name.
        :param sides: what differs, before and after.
        """
        return cls(effect, kind, subject, *place, before=sides[0], after=sides[1], note=note)

    def phrase(self, code: Callable[[str], str] = str) -> str:
        """Say what changed.

        :param code: marks what is Python or a PV.
        """
        in_class = self.subject in (Subject.MEMBER, Subject.COLUMN, Subject.STATE)
        shown = f"{self.owner.rpartition('.')[2]}.{self.name}" if in_class else self.name
        prefix = "" if self.subject in (Subject.MEMBER, Subject.COLUMN) else f"{self.subject} "
        note = f" ({self.note})" if self.note else ""
        if self.kind is ChangeKind.RENAMED:
            return f"{prefix}{code(shown)} -> {code(self.to)}{self._found(code)}{note}"
        if self.kind in (ChangeKind.ADDED, ChangeKind.REMOVED):
            of = self.after if self.kind is ChangeKind.ADDED else self.before
            if self.subject is Subject.STATE:
                return f"{prefix}{code(shown)} ({code(of)}){note}"
            return f"{prefix}{code(f'{shown}: {of}' if of else shown)}{note}"
        told = f"{code(self.before) if self.before else 'nothing'} -> {code(self.after) if self.after else 'nothing'}"
        return f"{prefix}{code(shown)}: {told}{note}"

    def _found(self, code: Callable[[str], str]) -> str:
        if self.found_by == "state number":
            return f" (the same state number: {code(self.before)} -> {code(self.after)})"
        if self.found_by == "prefix" and self.pvs:
            return f" ({code(self.pvs[0])})"
        if self.found_by == "PV":
            return f" (same PV {code(self.pvs[-1])})" if len(self.pvs) in (1, 2) else " (same PVs)"
        return ""


@dataclass(frozen=True)
class Changes:
    """All differences of two interfaces, and what everything is called now."""

    found: tuple[Change, ...]
    _names: Successors

    @property
    def successors(self) -> Successors:
        """What everything is called now, with what else broke."""
        altered: dict[str, str] = {}
        for change in self.of(Effect.BREAKING):
            if change.kind in (ChangeKind.RETYPED, ChangeKind.MOVED, ChangeKind.CONNECTED):
                name = change.name
                if change.subject in (Subject.MEMBER, Subject.COLUMN):
                    now = self._names.members.get(change.owner, {})
                    name = next((old for old, new in now.items() if new == name), name)
                altered.setdefault(f"{change.owner}.{name}", replace(change, name=name).phrase())
        return replace(self._names, altered=altered)

    def of(self, effect: Effect, kind: ChangeKind | None = None) -> list[Change]:
        """Select by effect and kind."""
        return [change for change in self.found if change.effect is effect and kind in (None, change.kind)]

    @property
    def breaking(self) -> list[Change]:
        """What may make a plan fail, or do something else."""
        return self.of(Effect.BREAKING)

    @property
    def counts(self) -> dict[Effect, int]:
        """How many changes have each effect."""
        return {effect: len(self.of(effect)) for effect in Effect}

    def tally(self) -> str:
        """Count changes in words."""
        told = [(effect, n) for effect, n in self.counts.items() if n or effect is not Effect.COSMETIC]
        if not any(n for _, n in told):
            return "no change for plans"
        *first, last = [f"{n:,} {effect}" for effect, n in told]
        noun = counted(told[-1][1], "change").rpartition(" ")[2]
        return ", ".join([*first, f"{last} {noun}"])
