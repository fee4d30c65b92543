"""What an audit finds: each a problem in the Python source, with the record that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from beamwright_generator.audit.acceptance import Outcome, Verdict
from beamwright_generator.audit.announcement import Announcement
from beamwright_generator.audit.record_set import RecordSet
from beamwright_generator.basics.source_text import Position
from beamwright_generator.problems import Problem, Severity
from beamwright_generator.python.declarations import ClassDeclaration, DatatypeForm, SignalDeclaration
from beamwright_generator.resolve.types.template_record import TemplateRecord


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
class Report:
    """Words what is wrong with a class at a description.

    :param keep: takes each finding.
    """

    cls: ClassDeclaration
    description: RecordSet
    keep: Callable[[Finding], None]

    def warn(
        self, signal: SignalDeclaration, code: str, message: str, pv: str, record: TemplateRecord | None, hint: str
    ) -> None:
        """Report what connects, and is not what is meant."""
        self.tell(signal, Verdict(Outcome.CONNECTS, code, message), pv, record, hint=hint)

    def tell(
        self,
        signal: SignalDeclaration,
        said: Verdict,
        pv: str,
        record: TemplateRecord | None,
        served: list[tuple[str, Announcement]] | None = None,
        hint: str = "",
    ) -> Verdict:
        """Report a verdict on one signal, and give it.

        :param pv: that it is about; `record` is what serves it.
        :param served: what is announced for each PV, as far as the states are to be shown.
        """
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
        if signal.type.form is DatatypeForm.ENUM and said.code in ("audit-states", "audit-runtime-states"):
            detail.append(f"{signal.type.text}: {', '.join(signal.type.states)}")
        finding = finding_of(self.cls, signal, severity, said.code, message, detail=detail, hint=hint or _hint(said))
        self.keep(replace(finding, pv=pv, against=self.description.label, database=record.at if record else None))
        return said


def finding_of(
    cls: ClassDeclaration,
    signal: SignalDeclaration,
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


def _states_of(served: Sequence[tuple[str, Announcement]]) -> Iterator[str]:
    """List the states of each PV, those of a pair once where they are the same."""
    by_states: dict[tuple[str, ...], list[str]] = {}
    for name, side in served:
        if side.served.states:
            by_states.setdefault(side.served.states, []).append(name)
    for states, names in by_states.items():
        yield f"{' and '.join(names)}: {', '.join(states)}"


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
