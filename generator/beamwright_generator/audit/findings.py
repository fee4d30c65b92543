"""What an audit finds: each a problem in the Python source, with the record that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from beamwright_generator.audit.acceptance import Outcome, Verdict, verdict
from beamwright_generator.audit.announced import RECORD_TYPE, Absent, Announced, announced
from beamwright_generator.audit.declared import Declared, DeclaredClass, Form, plain
from beamwright_generator.audit.descriptions import Description
from beamwright_generator.audit.intended import RBV, guess, likely
from beamwright_generator.audit.placing import Place, PvText, places, pv_text, texts_of
from beamwright_generator.model import Access
from beamwright_generator.problems import Problem, Severity
from beamwright_generator.resolve.records import TemplateRecord, access_of
from beamwright_generator.resolve.served import Transport
from beamwright_generator.source import Position
from beamwright_generator.tables.record_types import record_type

LEAST_SHARE: Final = 0.5
"""Of a class's PVs that a description has to serve, for a class that nobody named to be audited against it."""

LEAST_PVS: Final = 3
"""That it has to serve; fewer may be there by chance."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or not known.

    :param problem: what is wrong, with its place in the Python source.
    :param database: where the record is described.
    """

    problem: Problem
    cls: str
    attribute: str = ""
    pv: str = ""
    against: str = ""
    database: Position | None = None


@dataclass(frozen=True)
class Judged:
    """One signal at one place, and what would come of connecting it."""

    cls: DeclaredClass
    signal: Declared
    pvs: tuple[str, ...]
    verdict: Verdict


def fits(place: Place) -> bool:
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
    judged: list[Judged] = field(default_factory=list)

    def of(self, cls: DeclaredClass, descriptions: list[Description], *, named: bool) -> None:
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
        if named and cls.signals and not placed:
            self.add(_unplaced(cls, descriptions))
        for signal in cls.signals:
            self._unclear(cls, signal)
        for description, several in placed:
            others = [(other, found[0]) for other, found in placed if other is not description]
            for place in several:
                _AtPlace(self, cls, description, place, others).judge()

    def at_place(self, cls: DeclaredClass, description: Description, place: Place) -> None:
        """Judge every signal of a class at one place of a description."""
        _AtPlace(self, cls, description, place, []).judge()

    def _skip(self, cls: DeclaredClass, placed: Sequence[tuple[Description, Sequence[Place]]]) -> None:
        """Say that a class is left out, and how much of it is served, unless that is nothing."""
        self.skipped += 1
        best = max((found[0] for _, found in placed), key=lambda place: place.found, default=None)
        if best is not None or cls.silent:
            share = f"{best.found} of its {best.of} PVs" if best is not None else "none of its PVs"
            message = f"{cls.name} is not audited: the databases serve {share}"
            hint = f"audit it by its name: {cls.module}:{cls.name}"
            self.add(Finding(Problem("audit-unplaced", Severity.NOTE, cls.at, message, (), hint), cls.path))

    def in_order(self) -> list[Finding]:
        """Sort by file, line and column."""
        none = Position("", 0, 0)
        return sorted(self.findings, key=lambda one: (one.problem.at or none, one.problem.code, one.problem.message))

    def _unclear(self, cls: DeclaredClass, signal: Declared) -> None:
        asked = (signal.read, signal.write) if signal.reads else (signal.write,)
        if None in asked or any(pv_text(text).leaf is None for text in texts_of(signal)):
            hint = "audit a class that gives it a value, or write the PV with the prefix and plain text"
            message = f"{signal.attribute}: its PV cannot be told without running the code"
            self.add(_finding(cls, signal, Severity.NOTE, "audit-unresolved", message, hint=hint))
        elif "" in asked:
            message = f"{signal.attribute} is annotated without a PvSuffix, so it has no PV"
            hint = "give it one: Annotated[..., PvSuffix(...)]"
            self.add(_finding(cls, signal, Severity.ERROR, "audit-no-pv", message, hint=hint))

    def add(self, finding: Finding) -> None:
        """Keep a finding, once."""
        self.findings[finding] = None


@dataclass
class _AtPlace:
    """One class at one place of one description."""

    audit: Audit
    cls: DeclaredClass
    description: Description
    place: Place
    others: Sequence[tuple[Description, Place]]

    def judge(self) -> None:
        """Judge every signal whose PVs are known."""
        for signal in self.cls.signals:
            sides = {text: pv for text in texts_of(signal) if (pv := self.place.pv(text)) is not None}
            if sides and len(sides) == len(texts_of(signal)):
                found = self._signal(signal, sides)
                self.audit.judged.append(Judged(self.cls, signal, tuple(sides.values()), found))
        self._same_pvs()

    def _signal(self, signal: Declared, sides: Mapping[str, str]) -> Verdict:
        """Judge one signal; the first thing that keeps it from connecting is reported."""
        served: list[tuple[str, Announced]] = []
        opened: list[Verdict] = []
        for text, pv in sides.items():
            part = pv_text(text)
            found = self.description.find(pv)
            if found is None:
                return self._missing(signal, part, pv, sides)
            record, name = found
            over = part.transport or self.audit.transport
            answer = announced(record, name, over, self.description.observed.get((pv, over)))
            if isinstance(answer, Absent):
                said = Verdict(Outcome.REFUSED, "audit-missing", f"there is no {pv}: {answer.reason}")
                return self._report(signal, said, pv, record, hint=_field_hint(record, name))
            if isinstance(answer, Announced):
                served.append((pv, answer))
            else:
                opened.append(Verdict(Outcome.OPEN, "audit-open", f"{pv}: {answer.reason}"))
        first = next(iter(sides))
        pv, record = sides[first], self._record(sides[first])
        if opened:
            return self._report(signal, opened[0], pv, record)
        transport = pv_text(first).transport or self.audit.transport
        said = verdict(signal.type, signal.is_command, served, transport)
        if said.outcome is Outcome.CONNECTS:
            if not signal.inherited:  # else it is for those who own the ancestor
                self._direction(signal, sides)
            return said
        return self._report(signal, said, pv, record, served)

    def _record(self, pv: str) -> TemplateRecord:
        found = self.description.find(pv)
        assert found is not None
        return found[0]

    def _missing(self, signal: Declared, part: PvText, pv: str, sides: Mapping[str, str]) -> Verdict:
        leaf = (part.leaf or "").partition(".")[0]
        prefix = pv.removesuffix(part.leaf or "")
        said = guess(signal.attribute, leaf, self.description.leaves(prefix), self.description)
        readback = leaf + RBV == said.leaf and signal.writes
        one_of_two = readback or self._other_is_there(pv, sides)
        code = "audit-side-missing" if one_of_two else "audit-missing"
        found = Verdict(Outcome.REFUSED, code, f"there is no record {pv}")
        if readback:
            found = replace(found, reason=f"there is no setpoint {pv}, only its readback")
        record = self.description.records.get(prefix + said.leaf) if said.leaf else None
        return self._report(signal, found, pv, record, hint=self._only_others(sides, pv) or said.hint)

    def _only_others(self, sides: Mapping[str, str], pv: str) -> str:
        """Say that other databases have the PV, as versions of a driver differ."""
        text = next(text for text, one in sides.items() if one == pv)
        having = [d.label for d, place in self.others if (there := place.pv(text)) and d.find(there) is not None]
        return f"only {', '.join(having)} has it: declare it in a class of its own, or as optional" if having else ""

    def _other_is_there(self, pv: str, sides: Mapping[str, str]) -> bool:
        return any(self.description.find(other) is not None for other in sides.values() if other != pv)

    def _direction(self, signal: Declared, sides: Mapping[str, str]) -> None:
        """Report what connects, and reads or writes something other than is meant."""
        pv = self.place.pv(signal.write or "") or ""
        found = self.description.find(pv)
        if signal.writes and found is not None:
            record, name = found
            definition = record_type(record.type)
            known = definition.fields.get(name.removesuffix("$") or "VAL") if definition else None
            if name == RECORD_TYPE or (known is not None and not known.writable):
                said = f"{signal.attribute} sets {pv}, which clients cannot write"
                self._warn(signal, "audit-not-writable", said, pv, record, "declare a SignalR")
            elif name in ("", "VAL") and access_of(record) is Access.READ and _is_input(record):
                said = f"{signal.attribute} sets {pv}, of type {record.type}, where the next reading overwrites it"
                self._warn(signal, "audit-not-writable", said, pv, record, self._setpoint_hint(pv))
        if signal.kind == "SignalR" and len({signal.read, signal.write}) > 1:
            said = f"{signal.attribute} is only read, but needs {pv or plain(signal.write or '')} too"
            hint = "write PvSuffix with the suffix of the readback: PvSuffix.rbv is for a SignalRW"
            self._warn(signal, "audit-not-writable", said, pv, found[0] if found else None, hint)
        if signal.reads and len(sides) == 1 and signal.writes and pv + RBV in self.description.records:
            said = f"{signal.attribute} reads back {pv} itself, though there is {pv + RBV}"
            hint = "PvSuffix.rbv, or epics_signal_rw_rbv, reads what the device has, and not what it was told"
            record = self.description.records[pv + RBV]
            self._report(signal, Verdict(Outcome.CONNECTS, "audit-readback-unused", said), pv, record, hint=hint)

    def _setpoint_hint(self, pv: str) -> str:
        setpoint = pv.removesuffix(RBV)
        if setpoint != pv and setpoint in self.description.records:
            return f"set {setpoint} and read {pv}, or declare a SignalR"
        return "declare a SignalR"

    def _same_pvs(self) -> None:
        """Report signals on one PV, as a line that was copied and not changed makes them."""
        by_pvs: dict[tuple[str, tuple[str, ...], str, str], list[Declared]] = {}
        for signal in self.cls.signals:
            group = signal.attribute.rpartition(".")[0]
            if texts_of(signal) and not signal.inherited:
                by_pvs.setdefault((group, texts_of(signal), signal.kind, signal.type.text), []).append(signal)
        for (_, texts, *_), several in by_pvs.items():
            part = pv_text(texts[-1])
            pv = self.place.pv(texts[-1])
            if len(several) < 2 or part.leaf is None or pv is None or self.description.find(pv) is None:
                continue
            leaf = part.leaf.partition(".")[0]
            leaves = self.description.leaves(pv.removesuffix(part.leaf))
            called = {signal.attribute: likely(signal.attribute, "", leaves) for signal in several}
            odd = [signal for signal in several if called[signal.attribute] not in ("", leaf, leaf.removesuffix(RBV))]
            for signal in odd or several[1:]:
                meant = called[signal.attribute]
                other = next(one.attribute for one in several if one is not signal)
                said = f"{signal.attribute} has the PV of {other}: {pv}"
                hint = f"is {meant} meant?" if meant and meant != leaf else "was a line copied and its suffix left?"
                self._warn(signal, "audit-same-pv", said, pv, leaves.get(meant) or self._record(pv), hint)

    def _warn(
        self, signal: Declared, code: str, message: str, pv: str, record: TemplateRecord | None, hint: str
    ) -> None:
        self._report(signal, Verdict(Outcome.CONNECTS, code, message), pv, record, hint=hint)

    def _report(
        self,
        signal: Declared,
        said: Verdict,
        pv: str,
        record: TemplateRecord | None,
        served: list[tuple[str, Announced]] | None = None,
        hint: str = "",
    ) -> Verdict:
        severity = {
            Outcome.REFUSED: Severity.ERROR,
            Outcome.RUNTIME: Severity.WARNING if any(s.served.states for _, s in served or ()) else Severity.NOTE,
            Outcome.OPEN: Severity.NOTE,
            Outcome.CONNECTS: Severity.NOTE if said.code == "audit-readback-unused" else Severity.WARNING,
        }[said.outcome]
        message = said.reason if said.reason.startswith(signal.attribute) else f"{signal.attribute}: {said.reason}"
        detail = [f"{record.at}: {record.type} {record.name}"] if record else []
        if said.code in ("audit-states", "audit-runtime-states", "audit-type"):
            detail += _states_of(served or ())
        if signal.type.form is Form.ENUM and said.code in ("audit-states", "audit-runtime-states"):
            detail.append(f"{signal.type.text}: {', '.join(signal.type.states)}")
        finding = _finding(self.cls, signal, severity, said.code, message, detail=detail, hint=hint or _hint(said))
        self.audit.add(replace(finding, pv=pv, against=self.description.label, database=record.at if record else None))
        return said


def _is_input(record: TemplateRecord) -> bool:
    """Tell whether a record takes its value from somewhere by itself."""
    definition = record_type(record.type)
    if definition is None or "INP" not in definition.fields:
        return False
    source = record.fields.get("INP", "").strip()
    constant = source.startswith(("[", "{")) or source.lstrip("+-.")[:1].isdigit()
    return bool(source and not constant) or record.fields.get("DTYP", "") not in ("", "Soft Channel")


def _states_of(served: Sequence[tuple[str, Announced]]) -> Iterator[str]:
    """List the states of each PV, those of a pair once where they are the same."""
    by_states: dict[tuple[str, ...], list[str]] = {}
    for name, side in served:
        if side.served.states:
            by_states.setdefault(side.served.states, []).append(name)
    for states, names in by_states.items():
        yield f"{' and '.join(names)}: {', '.join(states)}"


def _field_hint(record: TemplateRecord, name: str) -> str:
    definition = record_type(record.type)
    known = definition.fields if definition else {}
    meant = likely(name, name, known)
    return f"is .{meant} meant?" if meant else ""


def _hint(said: Verdict) -> str:
    match said.code:
        case "audit-runtime-states":
            return "observe the running IOC, or declare a SubsetEnum of the states that are always there"
        case "audit-states":
            return "declare the states as they are, or a SubsetEnum of those that are needed"
        case "audit-type":
            return "declare what the record serves; `gen device` prints the types of a template"
        case "audit-open":
            return "give values to macros with -m, or look at the running IOC"
        case _:
            return ""


def _finding(
    cls: DeclaredClass,
    signal: Declared,
    severity: Severity,
    code: str,
    message: str,
    *,
    detail: list[str] | None = None,
    hint: str = "",
) -> Finding:
    """Make a finding; one in an ancestor of another module is shown at the class that has it."""
    at = cls.at if signal.inherited else signal.at
    lines = [*(detail or ()), *([f"{signal.at}: declared here"] if signal.inherited else ())]
    problem = Problem(code, severity, at, f"{cls.name}.{message}", tuple(lines), hint)
    return Finding(problem, cls.path, signal.attribute)


def _silent(cls: DeclaredClass, name: str, at: Position) -> Finding:
    message = f"{cls.name}.{name} is assigned, which sets a class attribute and makes no signal"
    hint = f"annotate it: `{name}: ...` in place of `{name} = ...`"
    return Finding(Problem("audit-no-signal", Severity.ERROR, at, message, (), hint), cls.path, name)


def _unplaced(cls: DeclaredClass, descriptions: list[Description]) -> Finding:
    labels = ", ".join(one.label for one in descriptions)
    message = f"{cls.name}: none of its PVs is in {labels}"
    hint = "name the database that serves it, or the prefix of its device with --prefix"
    return Finding(Problem("audit-unplaced", Severity.ERROR, cls.at, message, (), hint), cls.path)
