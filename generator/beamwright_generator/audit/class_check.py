"""Classes compared with the descriptions that they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from beamwright_generator.audit.findings import Finding, Report, finding_of
from beamwright_generator.audit.place_check import Judgement, PlaceCheck
from beamwright_generator.audit.prefix_search import PrefixMatch, places, pv_text, texts_of
from beamwright_generator.audit.record_set import RecordSet
from beamwright_generator.basics.source_text import Position
from beamwright_generator.problems import Problem, Severity
from beamwright_generator.python.declarations import ClassDeclaration, OwnerlessSignal, SignalDeclaration
from beamwright_generator.resolve.types.kinds import Transport

LEAST_SHARE: Final = 0.5
"""Of a class's PVs that a description has to serve, for a class that nobody named to be audited against it."""

LEAST_PVS: Final = 3
"""That it has to serve; fewer may be there by chance."""


def fits(place: PrefixMatch) -> bool:
    """Tell whether a class that nobody named belongs to a place."""
    return place.found >= LEAST_PVS and place.found >= LEAST_SHARE * place.of


@dataclass
class Audit:
    """Compares classes with descriptions.

    :param transport: what PVs that name no protocol are reached over.
    :param prefix: of the device, where the user says it.
    :param classes: those that were audited; `skipped` counts those that no description fits.
    """

    transport: Transport = Transport.CA
    prefix: str | None = None
    classes: int = 0
    signals: int = 0
    skipped: int = 0
    findings: dict[Finding, None] = field(default_factory=dict)
    judged: list[Judgement] = field(default_factory=list)

    def of(self, cls: ClassDeclaration, descriptions: list[RecordSet], *, named: bool) -> None:
        """Audit one class against each description that it fits.

        :param named: the user named it, so it has to fit.
        """
        placed = [(one, found) for one in descriptions if (found := places(cls, one, self.prefix))]
        if not named and not any(fits(p[0]) for _, p in placed):
            self._skip(cls, placed)
            return
        if not named:
            placed = [(d, p) for d, p in placed if fits(p[0])]
        self.classes += 1
        self.signals += len(cls.signals)
        for name, at in cls.silent.items():
            self.add(_silent(cls, name, at))
        for made in cls.ownerless:
            self.add(_ownerless(cls, made))
        if named and cls.signals and not placed:
            self.add(_unplaced(cls, descriptions))
        for signal in cls.signals:
            self._unclear(cls, signal)
        for description, several in placed:
            others = [(other, found[0]) for other, found in placed if other is not description]
            for place in several:
                self.at_place(cls, description, place, others)

    def at_place(
        self,
        cls: ClassDeclaration,
        description: RecordSet,
        place: PrefixMatch,
        others: Sequence[tuple[RecordSet, PrefixMatch]] = (),
    ) -> None:
        """Judge every signal of a class at one place of a description.

        :param others: further descriptions that the class fits, with its places there.
        """
        self.judged += PlaceCheck(Report(cls, description, self.add), place, self.transport, others).judge()

    def _skip(self, cls: ClassDeclaration, placed: Sequence[tuple[RecordSet, Sequence[PrefixMatch]]]) -> None:
        """Say that a class is left out, and how much of it is served, unless that is nothing."""
        self.skipped += 1
        best = max((found[0] for _, found in placed), key=lambda place: place.found, default=None)
        if best is not None or cls.silent or cls.ownerless:
            share = f"{best.found} of its {best.of} PVs" if best is not None else "none of its PVs"
            message = f"{cls.name} is not audited: the databases serve {share}"
            hint = f"audit it by its name: {cls.module}:{cls.name}"
            self.add(Finding(Problem("audit-unplaced", Severity.NOTE, cls.at, message, (), hint), cls.path))

    def in_order(self) -> list[Finding]:
        """Sort by file, line and column."""
        none = Position("", 0, 0)
        return sorted(self.findings, key=lambda one: (one.problem.at or none, one.problem.code, one.problem.message))

    def _unclear(self, cls: ClassDeclaration, signal: SignalDeclaration) -> None:
        asked = (signal.read, signal.write) if signal.reads else (signal.write,)
        if None in asked or any(pv_text(text).leaf is None for text in texts_of(signal)):
            hint = "audit a class that gives it a value, or write the PV with the prefix and plain text"
            message = f"{signal.attribute}: its PV cannot be told without running the code"
            self.add(finding_of(cls, signal, Severity.NOTE, "audit-unresolved", message, hint=hint))
        elif "" in asked:
            message = f"{signal.attribute} is annotated without a PvSuffix, so it has no PV"
            hint = "give it one: Annotated[..., PvSuffix(...)]"
            self.add(finding_of(cls, signal, Severity.ERROR, "audit-no-pv", message, hint=hint))

    def add(self, finding: Finding) -> None:
        """Keep a finding, once."""
        self.findings[finding] = None


def _silent(cls: ClassDeclaration, name: str, at: Position) -> Finding:
    message = f"{cls.name}.{name} is assigned, which sets a class attribute and makes no signal"
    hint = f"annotate it: `{name}: ...` in place of `{name} = ...`"
    return Finding(Problem("audit-no-signal", Severity.ERROR, at, message, (), hint), cls.path, name)


def _ownerless(cls: ClassDeclaration, made: OwnerlessSignal) -> Finding:
    on = f" on {made.pvs}" if made.pvs else ""
    message = f"{cls.name}: a signal{on} is made, and no device has it: it never connects, and nothing here checks it"
    hint = "assign it to an attribute of `self` with a name that is written out, or put it into a DeviceVector"
    at, detail = (cls.at, (f"{made.at}: made here",)) if made.inherited else (made.at, ())
    return Finding(Problem("audit-not-owned", Severity.WARNING, at, message, detail, hint), cls.path)


def _unplaced(cls: ClassDeclaration, descriptions: list[RecordSet]) -> Finding:
    labels = ", ".join(one.label for one in descriptions)
    message = f"{cls.name}: none of its PVs is in {labels}"
    hint = "name the database that serves it, or the prefix of its device with --prefix"
    return Finding(Problem("audit-unplaced", Severity.ERROR, cls.at, message, (), hint), cls.path)
