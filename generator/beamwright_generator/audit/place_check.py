"""Whether the signals of a class connect where a device of it is placed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from beamwright_generator.audit.acceptance import Outcome, Verdict, verdict
from beamwright_generator.audit.announcement import Announcement, MissingChannel, announced
from beamwright_generator.audit.findings import Report
from beamwright_generator.audit.misuse import Misuse
from beamwright_generator.audit.prefix_search import PrefixMatch, PvText, pv_text, texts_of
from beamwright_generator.audit.record_set import RecordSet
from beamwright_generator.audit.suggestion import RBV, guess, likely
from beamwright_generator.python.declarations import ClassDeclaration, SignalDeclaration
from beamwright_generator.resolve.types.kinds import Transport
from beamwright_generator.resolve.types.template_record import TemplateRecord
from beamwright_generator.tables.record_types import record_type


@dataclass(frozen=True)
class Judgement:
    """One signal at one place, and what would come of connecting it."""

    cls: ClassDeclaration
    signal: SignalDeclaration
    pvs: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class PlaceCheck:
    """One class at one place of one description.

    :param transport: what PVs that name no protocol are reached over.
    :param others: further descriptions that the class fits, with its places there.
    """

    report: Report
    place: PrefixMatch
    transport: Transport
    others: Sequence[tuple[RecordSet, PrefixMatch]] = ()

    def judge(self) -> Iterator[Judgement]:
        """Judge every signal whose PVs are known."""
        misuse = Misuse(self.report, self.place)
        for signal in self.report.cls.signals:
            sides = {text: pv for text in texts_of(signal) if (pv := self.place.pv(text)) is not None}
            if sides and len(sides) == len(texts_of(signal)):
                found = self._signal(signal, sides)
                # What an ancestor of another module does is for those who own it.
                if found.outcome is Outcome.CONNECTS and not signal.inherited:
                    misuse.direction(signal, sides)
                yield Judgement(self.report.cls, signal, tuple(sides.values()), found)
        misuse.same_pvs()

    def _signal(self, signal: SignalDeclaration, sides: Mapping[str, str]) -> Verdict:
        """Judge one signal; the first thing that keeps it from connecting is reported."""
        served: list[tuple[str, Announcement]] = []
        opened: list[Verdict] = []
        for text, pv in sides.items():
            part = pv_text(text)
            found = self.report.description.find(pv)
            if found is None:
                return self._missing(signal, part, pv, sides)
            record, name = found
            over = part.transport or self.transport
            answer = announced(record, name, over, self.report.description.observed.get((pv, over)))
            if isinstance(answer, MissingChannel):
                said = Verdict(Outcome.REFUSED, "audit-missing", f"there is no {pv}: {answer.reason}")
                return self.report.tell(signal, said, pv, record, hint=_field_hint(record, name))
            if isinstance(answer, Announcement):
                served.append((pv, answer))
            else:
                opened.append(Verdict(Outcome.OPEN, "audit-open", f"{pv}: {answer.reason}"))
        first = next(iter(sides))
        pv, record = sides[first], self._record(sides[first])
        if opened:
            return self.report.tell(signal, opened[0], pv, record)
        transport = pv_text(first).transport or self.transport
        said = verdict(signal.type, signal.is_command, served, transport)
        return said if said.outcome is Outcome.CONNECTS else self.report.tell(signal, said, pv, record, served)

    def _record(self, pv: str) -> TemplateRecord:
        found = self.report.description.find(pv)
        assert found is not None
        return found[0]

    def _missing(self, signal: SignalDeclaration, part: PvText, pv: str, sides: Mapping[str, str]) -> Verdict:
        leaf = (part.leaf or "").partition(".")[0]
        prefix = pv.removesuffix(part.leaf or "")
        said = guess(signal.attribute, leaf, self.report.description.leaves(prefix), self.report.description)
        readback = leaf + RBV == said.leaf and signal.writes
        one_of_two = readback or self._other_is_there(pv, sides)
        code = "audit-side-missing" if one_of_two else "audit-missing"
        found = Verdict(Outcome.REFUSED, code, f"there is no record {pv}")
        if readback:
            found = replace(found, reason=f"there is no setpoint {pv}, only its readback")
        record = self.report.description.records.get(prefix + said.leaf) if said.leaf else None
        return self.report.tell(signal, found, pv, record, hint=self._only_others(sides, pv) or said.hint)

    def _only_others(self, sides: Mapping[str, str], pv: str) -> str:
        """Say that other databases have the PV, as versions of a driver differ."""
        text = next(text for text, one in sides.items() if one == pv)
        having = [d.label for d, place in self.others if (there := place.pv(text)) and d.find(there) is not None]
        return f"only {', '.join(having)} has it: declare it in a class of its own, or as optional" if having else ""

    def _other_is_there(self, pv: str, sides: Mapping[str, str]) -> bool:
        return any(self.report.description.find(other) is not None for other in sides.values() if other != pv)


def _field_hint(record: TemplateRecord, name: str) -> str:
    definition = record_type(record.type)
    known = definition.fields if definition else {}
    meant = likely(name, name, known)
    return f"is .{meant} meant?" if meant else ""
