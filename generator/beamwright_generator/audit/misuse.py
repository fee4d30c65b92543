"""What connects, and still is not what is meant: sides that nobody can write, readbacks left out, PVs named twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beamwright_generator.audit.acceptance import Outcome, Verdict
from beamwright_generator.audit.announcement import RECORD_TYPE
from beamwright_generator.audit.findings import Report
from beamwright_generator.audit.prefix_search import PrefixMatch, pv_text, texts_of
from beamwright_generator.audit.suggestion import RBV, likely
from beamwright_generator.model import Access
from beamwright_generator.python.declarations import SignalDeclaration
from beamwright_generator.python.values import plain
from beamwright_generator.resolve.types.template_record import TemplateRecord, access_of
from beamwright_generator.tables.record_types import record_type


@dataclass(frozen=True)
class Misuse:
    """Looks at the signals of a class that connect at a place."""

    report: Report
    place: PrefixMatch

    def direction(self, signal: SignalDeclaration, sides: Mapping[str, str]) -> None:
        """Report what connects, and reads or writes something other than is meant."""
        pv = self.place.pv(signal.write or "") or ""
        found = self.report.description.find(pv)
        if signal.writes and found is not None:
            record, name = found
            definition = record_type(record.type)
            known = definition.fields.get(name.removesuffix("$") or "VAL") if definition else None
            if name == RECORD_TYPE or (known is not None and not known.writable):
                said = f"{signal.attribute} sets {pv}, which clients cannot write"
                self.report.warn(signal, "audit-not-writable", said, pv, record, "declare a SignalR")
            elif name in ("", "VAL") and access_of(record) is Access.READ and _is_input(record):
                said = f"{signal.attribute} sets {pv}, of type {record.type}, where the next reading overwrites it"
                self.report.warn(signal, "audit-not-writable", said, pv, record, self._setpoint_hint(pv))
        if signal.kind == "SignalR" and len({signal.read, signal.write}) > 1:
            said = f"{signal.attribute} is only read, but needs {pv or plain(signal.write or '')} too"
            hint = "write PvSuffix with the suffix of the readback: PvSuffix.rbv is for a SignalRW"
            self.report.warn(signal, "audit-not-writable", said, pv, found[0] if found else None, hint)
        if signal.reads and len(sides) == 1 and signal.writes and pv + RBV in self.report.description.records:
            said = f"{signal.attribute} reads back {pv} itself, though there is {pv + RBV}"
            hint = "PvSuffix.rbv, or epics_signal_rw_rbv, reads what the device has, and not what it was told"
            record = self.report.description.records[pv + RBV]
            self.report.tell(signal, Verdict(Outcome.CONNECTS, "audit-readback-unused", said), pv, record, hint=hint)

    def same_pvs(self) -> None:
        """Report signals on one PV, as a line that was copied and not changed makes them."""
        by_pvs: dict[tuple[str, tuple[str, ...], str, str], list[SignalDeclaration]] = {}
        for signal in self.report.cls.signals:
            group = signal.attribute.rpartition(".")[0]
            if texts_of(signal) and not signal.inherited:
                by_pvs.setdefault((group, texts_of(signal), signal.kind, signal.type.text), []).append(signal)
        for (_, texts, *_), several in by_pvs.items():
            part = pv_text(texts[-1])
            pv = self.place.pv(texts[-1])
            found = self.report.description.find(pv) if pv is not None else None
            if len(several) < 2 or part.leaf is None or pv is None or found is None:
                continue
            leaf = part.leaf.partition(".")[0]
            leaves = self.report.description.leaves(pv.removesuffix(part.leaf))
            called = {signal.attribute: likely(signal.attribute, "", leaves) for signal in several}
            odd = [signal for signal in several if called[signal.attribute] not in ("", leaf, leaf.removesuffix(RBV))]
            for signal in odd or several[1:]:
                meant = called[signal.attribute]
                other = next(one.attribute for one in several if one is not signal)
                said = f"{signal.attribute} has the PV of {other}: {pv}"
                hint = f"is {meant} meant?" if meant and meant != leaf else "was a line copied and its suffix left?"
                self.report.warn(signal, "audit-same-pv", said, pv, leaves.get(meant) or found[0], hint)

    def _setpoint_hint(self, pv: str) -> str:
        setpoint = pv.removesuffix(RBV)
        if setpoint != pv and setpoint in self.report.description.records:
            return f"set {setpoint} and read {pv}, or declare a SignalR"
        return "declare a SignalR"


def _is_input(record: TemplateRecord) -> bool:
    """Tell whether a record takes its value from somewhere by itself."""
    definition = record_type(record.type)
    if definition is None or "INP" not in definition.fields:
        return False
    source = record.fields.get("INP", "").strip()
    constant = source.startswith(("[", "{")) or source.lstrip("+-.")[:1].isdigit()
    return bool(source and not constant) or record.fields.get("DTYP", "") not in ("", "Soft Channel")
