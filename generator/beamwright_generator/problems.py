"""The one way to fail: a `Problem` with a code, a position, a message and a hint, collected and never raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from beamwright_generator.basics.source_text import Position


class Severity(StrEnum):
    """How much a problem stops: an error stops the run before anything is written."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a user should know about a description.

    :param code: a kebab-case name that stands in `CODES`.
    :param detail: further lines that show the facts, such as two lists of states side by side.
    :param hint: what to do about it.
    """

    code: str
    severity: Severity
    at: Position | None
    message: str
    detail: tuple[str, ...] = ()
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.at}: " if self.at else ""
        lines = [f"{where}{self.severity}[{self.code}]: {self.message}"]
        lines += [f"  {line}" for line in self.detail]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class InternalError(RuntimeError):
    """The generator made something that is not Python: its own fault, never a user's."""


@dataclass
class Problems:
    """Collects problems over all stages; each distinct problem is kept once."""

    _found: dict[Problem, None] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, problem: Problem) -> None:
        """Keep a problem."""
        if problem.code not in CODES:
            raise KeyError(f"problem code {problem.code!r} is not documented in CODES")
        self._found[problem] = None

    def extend(self, problems: Iterable[Problem]) -> None:
        """Keep many problems."""
        for problem in problems:
            self.add(problem)

    def error(
        self, code: str, at: Position | None, message: str, *, detail: Iterable[str] = (), hint: str = ""
    ) -> None:
        """Keep a problem that stops the run before anything is written."""
        self.add(Problem(code, Severity.ERROR, at, message, tuple(detail), hint))

    def warning(
        self, code: str, at: Position | None, message: str, *, detail: Iterable[str] = (), hint: str = ""
    ) -> None:
        """Keep a problem that leaves something out or may surprise."""
        self.add(Problem(code, Severity.WARNING, at, message, tuple(detail), hint))

    def note(self, code: str, at: Position | None, message: str, *, detail: Iterable[str] = (), hint: str = "") -> None:
        """Keep a decision worth knowing about."""
        self.add(Problem(code, Severity.NOTE, at, message, tuple(detail), hint))

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(problem.severity is Severity.ERROR for problem in self._found)

    def in_order(self) -> list[Problem]:
        """Sort by file, line and column; problems without a position come first."""
        return sorted(self._found, key=lambda p: (p.at or Position("", 0, 0), p.code, p.message))


CODES: dict[str, str] = {
    # reading files
    "file-missing": "A file that a description names does not exist.",
    "file-unreadable": "A file exists but cannot be read as text.",
    "file-too-large": "A file is larger than any EPICS description; it is not read.",
    "outside-roots": "A file lies outside the folders the user gave; it is not read.",
    # reading databases, substitutions, boot scripts and PVI files
    "database-syntax": "A database text does not follow the grammar; an IOC stops reading it there.",
    "database-string-open": "A string in a database has no closing quote on its line; an IOC stops reading there.",
    "database-json": "A JSON value in a database is not well formed; an IOC stops reading there.",
    "database-bad-character": "A quoted value holds a character or escape that EPICS 7 refuses, such as a raw tab.",
    "database-name": "A record name or alias is empty or holds a character that EPICS refuses.",
    "database-name-odd": "A record name starts with a mark or holds a control character; EPICS warns of it.",
    "database-breaktable": "A breakpoint table holds something that is not a number, or too few of them.",
    "macro-undefined": "A macro has neither a value nor a default where a text is expanded for loading.",
    "macro-recursive": "A macro's value needs the macro itself.",
    "macro-in-syntax": "A macro without a known value stands where a statement should; it is taken as empty.",
    "include-missing": "An included file is not found along the search path.",
    "include-cycle": "A file includes itself, directly or through others.",
    "include-too-deep": "Files include one another more deeply than any real description does.",
    "include-too-large": "Includes multiply into more text than any IOC loads.",
    "record-type-conflict": "A record is defined again with another type; an IOC drops the second definition.",
    "record-unknown": "A record that should be added to or deleted does not exist.",
    "alias-refused": "An alias is already taken, or its record does not exist.",
    "substitutions-syntax": "A substitutions file does not follow the grammar; the rest of it is not read.",
    "substitutions-dialect": "msi and dbLoadTemplate read this place of a substitutions file differently.",
    "substitutions-values": "A row of a substitutions file has more values than its pattern has macros.",
    "boot-macro-undefined": "A line of a boot script uses an undefined macro, so an IOC skips the line.",
    "boot-syntax": "A line of a boot script cannot be read as a command.",
    "boot-cycle": "A boot script runs itself, directly or through others.",
    "boot-late-load": "A boot script loads records after iocInit, which an IOC refuses.",
    "boot-folder-missing": "A boot script changes to a folder that does not exist.",
    "boot-file-missing": "A boot script runs or loads a file that does not exist.",
    "pvi-invalid": "The pvi package refuses a PVI device file.",
    "field-unexpanded": "A field's value still holds a macro when it is loaded; an IOC refuses it.",
    # the beamline file
    "stands-alone": "A class does not extend the one ophyd-async ships, because the database lacks or contradicts it.",
    "base-split": "Templates change what they include, so a class with only what all leave unchanged is made.",
    "base-copied": "Templates include the same files in opposite orders, so a class declares what it cannot extend.",
    "appends-elsewhere": "A database adds to records of other databases; the added items are not looked at.",
    "untyped-record": "A record has no type that is safe to declare; it is left out.",
    "undecided-type": "The type of a record hangs on a macro that has no value; it is left out.",
    "unpairable-readback": "A setpoint and its readback are served differently; they become two signals.",
    "override-impossible": "An override asks for a type that the record cannot serve.",
    "name-collision": "Two things would have the same name; one got another.",
    "database-missing": "A database, template or substitutions file that an IOC loads is not found.",
    "prefix-undefined": "A macro in the prefix or record names of an instance has no value; the instance is left out.",
    "override-unused": "An override names a device, template or record that no IOC has.",
    "group-member-unknown": "A group names a device that no IOC serves.",
    "snapshot-invalid": "A recorded PVI tree is not valid YAML, or does not follow the format.",
    "snapshot-left-out": "An entry of a recorded PVI tree has no type that is safe to declare; it is left out.",
    "snapshot-columns": "The columns of a recorded table cannot be those of a class; it is a table without columns.",
    "snapshot-name": "A name of a recorded PVI tree cannot be that of an attribute; it got another.",
    "snapshot-unlike": "Blocks of one vector differ, so each has a class of its own.",
    "wire-impossible": "A wire of the simulated beamline leads from or to something that is not there.",
    "outside-output": "A generated file would land outside the folders the user gave, by `out` or a symbolic link.",
    "module-shared": "Two beamlines want the same device module with different content.",
    "beamline-invalid": "The beamline file is not valid YAML, or holds something its schema does not know.",
    # comparing generated code, and rewriting plans
    "revision-unknown": "A side of a comparison is not a folder, a file or a git revision, or git cannot read it.",
    "package-taken": "A generated package would have a name, or a folder, that something else has.",
    "root-invalid": "A folder of `roots` is missing, given twice, inside another, or has the name of something else.",
    "package-left": "The package that a beamline was written into before is still there.",
    "output-foreign": "A file stands where a generated one belongs, and `gen` did not write it.",
    "tree-missing": "A folder or a git revision holds no generated package, or several.",
    "python-syntax": "A module of plans is not Python; nothing is rewritten.",
    "class-missing": "A class that is to be replaced or to replace another is not found.",
    "adopt-unlike": "No generated class has enough of the PVs of a hand-written one.",
    "adopt-call": "A device is made where a generated class takes other arguments than the hand-written one.",
    "adopt-lost": "A generated class lacks something that the hand-written one has.",
    "migrate-unproven": "An attribute has the name of one that changed, and its type is not proven; it is left alone.",
    "migrate-removed": "A plan uses something that is gone.",
    "migrate-altered": "A plan uses something whose type or PV is another now.",
    "migrate-text": "A text may hold a name that is another now; it is left alone.",
    "migrate-once": "A new name was the name of something else before, so that plans can be rewritten only once.",
    # what was observed of the running IOCs
    "observations-missing": "A beamline file names observations that are not recorded yet.",
    "observations-invalid": "An observations file is not valid YAML, or holds something its format does not know.",
    "observed-contradiction": "A description contradicts what was observed of a record; the description is used.",
    "observed-missing": "A described record is not served by its running IOC.",
    "observed-differently": "Devices of one class serve a record differently, so its type stays open.",
    "observed-extra": "A running IOC serves records beside a device that no description has.",
    "observation-unused": "Something was observed that no description has any more.",
    # hand-written device classes
    "audit-source": "A Python module is not found, or is not Python.",
    "audit-unplaced": "No description serves any PV of a class.",
    "audit-missing": "A signal names a PV that is not there.",
    "audit-side-missing": "A signal reads and sets two PVs, and only one of them is there.",
    "audit-type": "A signal is declared with a type that its record does not connect with.",
    "audit-sides": "The two PVs of a signal are served as different types.",
    "audit-states": "An enum does not fit the states of its record.",
    "audit-runtime-states": "An enum does not fit the described states, which a driver may replace.",
    "audit-no-signal": "A class attribute looks like the annotation of a signal and makes none.",
    "audit-not-owned": "A signal is made and no device has it.",
    "audit-no-pv": "A signal is annotated without a PV.",
    "audit-not-writable": "A signal is settable where clients cannot set, or needs a PV that it never uses.",
    "audit-same-pv": "Two signals of a device have the same PV.",
    "audit-readback-unused": "A signal reads back its setpoint, though there is a readback.",
    "audit-unresolved": "A PV or a type cannot be decided without running the code.",
    "audit-open": "Descriptions alone do not say whether a signal connects.",
    # looking at live systems
    "observe-impossible": "No IOC that was to be observed answers, or none matches.",
    "observe-partial": "An IOC did not answer while it was observed.",
    "live-not-installed": "What talks to live systems is not installed.",
    "snapshot-impossible": "The first PV of a PVI tree does not answer, or serves something else.",
    "snapshot-partial": "A part of a PVI tree was named and is not recorded.",
}
"""Every problem code with what it means; the reference pages are made from this table."""
