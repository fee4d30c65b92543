"""From the records of one device type to its typed signals, in record order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from beamwright_generator.model import (
    Access,
    BuiltinType,
    Child,
    ClassRef,
    EnumType,
    Format,
    Member,
    Signal,
)
from beamwright_generator.parse.yaml.beamline_file import RecordOverride, TemplateOverride
from beamwright_generator.parse.yaml.beamline_file import SignalKind as Wanted
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.naming.identifiers import Names, snake
from beamwright_generator.resolve.signals import class_match
from beamwright_generator.resolve.signals.datatype_choice import NO_CHANGE, Datatypes, TypedRecord, Typing
from beamwright_generator.resolve.signals.pvi_facts import PviFacts
from beamwright_generator.resolve.signals.readback_pairs import Pair, pair_records
from beamwright_generator.resolve.types.kinds import Kind, Served, Transport
from beamwright_generator.resolve.types.observed_types import Facts
from beamwright_generator.resolve.types.template_record import WRITABLE, TemplateRecord, access_of
from beamwright_generator.tables.ophyd_async_classes import ShippedSignal, device_members, motor_members

MOTOR = ClassRef("beamwright_runtime", "Motor")
RECORD: Final = "record"
"""What is added to an attribute that would hide a member of the class, as `offset_record` beside a motor's `offset`."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The typed content of one device type.

    :param members: in record order.
    :param enums: by the attribute that they belong to.
    :param suggested: formats that autosave and PVI speak for; overrides already stand in the members.
    :param extended: shipped classes that the records agree with.
    :param served: the datatype of each record by its suffix.
    :param motor: the device itself is a motor record; the members are what else it has.
    :param refused: names of shipped classes that mirror a template of it and do not fit.
    :param records: how many records there were, and how many of them are in `members`.
    """

    members: tuple[Member, ...]
    enums: Mapping[str, EnumType]
    suggested: Mapping[str, Format]
    extended: tuple[ClassRef, ...]
    refused: frozenset[str]
    served: Mapping[str, Served]
    motor: bool
    records: int
    typed: int

    def with_inherited(self, base: Signals) -> Signals:
        """Keep the signals of an included file that these records still serve, though another name has them here."""
        names = {member.attribute for member in self.members}
        kept = [m for m in base.members if isinstance(m, Signal) and m.attribute not in names and self._serves(m, base)]
        enums = {m.attribute: base.enums[m.attribute] for m in kept if m.attribute in base.enums}
        return replace(self, members=(*self.members, *kept), enums={**self.enums, **enums})

    def _serves(self, signal: Signal, base: Signals) -> bool:
        sides = (signal.read, signal.write)
        leaves = [leaf for leaf, served in base.served.items() if leaf + served.suffix in sides]
        return bool(leaves) and all(self.served.get(leaf) == base.served[leaf] for leaf in leaves)


def judge(
    records: Sequence[TemplateRecord],
    class_name: str,
    templates: Collection[str],
    transport: Transport,
    override: TemplateOverride,
    pvi: PviFacts,
    refused: Collection[str],
    observed: Facts,
    problems: Problems,
) -> Signals:
    """Type, pair and name the records of one device type; what cannot be typed is reported and left out.

    :param templates: file names of the template and all it includes, for the classes ophyd-async ships.
    :param refused: shipped classes that do not fit an included file either, which was reported there.
    :param observed: what running IOCs serve for each of them.
    """
    return _Judge(class_name, transport, override, pvi, observed, problems).run(records, templates, refused)


def kept_records(records: Sequence[TemplateRecord], override: TemplateOverride) -> tuple[TemplateRecord, ...]:
    """Leave out the records that an override excludes."""

    def is_kept(leaf: str) -> bool:
        kept = not override.include or any(fnmatchcase(leaf, glob) for glob in override.include)
        return kept and not any(fnmatchcase(leaf, glob) for glob in override.exclude)

    return tuple(record for record in records if is_kept(record.leaf))


class _Judge:
    def __init__(
        self,
        class_name: str,
        transport: Transport,
        override: TemplateOverride,
        pvi: PviFacts,
        observed: Facts,
        problems: Problems,
    ) -> None:
        self.class_name = class_name
        self.transport = transport
        self.override = override
        self.pvi = pvi
        self.problems = problems
        self.names = Names()
        self.reserved = device_members()
        self.datatypes = Datatypes(class_name)
        self.typing = Typing(transport, override, observed, problems)
        self.shipped_names: set[str] = set()
        self.suggested: dict[str, Format] = {}
        self.typed: set[str] = set()

    def run(self, records: Sequence[TemplateRecord], templates: Collection[str], refused: Collection[str]) -> Signals:
        motors = [record for record in records if record.type == "motor"]
        motor = len(motors) == 1 and not motors[0].leaf
        self.reserved = motor_members() if motor else device_members()
        self.names = Names(reserved=self.reserved, what=RECORD)
        judged = list(self.typing.records(records))
        served = {record.leaf: record.served for record in judged}
        match = class_match.match(templates, served)
        for name, reasons in match.refused:
            if name in refused:
                continue
            self.problems.note(
                "stands-alone",
                records[0].at if records else None,
                f"{self.class_name} does not extend ophyd-async's {name}",
                detail=reasons[:12] + ((f"and {len(reasons) - 12} more",) if len(reasons) > 12 else ()),
            )
        given = {leaf: class_match.as_signal(signal) for leaf, signal in self._shipped_by_leaf(match).items()}
        self.shipped_names = {signal.attribute for signal in given.values()}
        for signal in given.values():
            self.names.keep(signal.attribute)
        members = list(self._members(records, judged, given))
        self.typing.report_undecided()
        return Signals(
            tuple(members),
            self.datatypes.enums,
            self.suggested,
            match.extended,
            frozenset(name for name, _ in match.refused),
            served,
            motor,
            len(records),
            len(self.typed),
        )

    def _shipped_by_leaf(self, match: class_match.Match) -> dict[str, ShippedSignal]:
        """Key each shipped signal by the record that comes first in it: the setpoint, or what is read."""
        return {signal.write: signal for signal in match.signals.values() if not self._overridden(signal.write)}

    def _overridden(self, leaf: str) -> bool:
        change = self.override.records.get(leaf)
        return change is not None and (change.name or change.kind or change.type) is not None

    def _change(self, leaf: str) -> RecordOverride:
        return self.override.records.get(leaf, NO_CHANGE)

    def _members(
        self, records: Sequence[TemplateRecord], judged: Sequence[TypedRecord], given: Mapping[str, Signal]
    ) -> Iterator[Member]:
        by_leaf = {record.leaf: record for record in judged}
        apart = {leaf for leaf, change in self.override.records.items() if change.kind is not None}
        in_given = {leaf for signal in given.values() for leaf in (signal.read, signal.write or signal.read)}
        # A readback that ophyd-async shows by itself can be the readback of its setpoint as well.
        rest = [r for r in judged if r.leaf not in given or given[r.leaf].access is Access.READ]
        pairs = pair_records(rest, self.pvi.pairs, frozenset(apart), self.problems)
        by_setpoint = {pair.setpoint: pair for pair in pairs}
        readbacks = {pair.readback for pair in pairs} | (in_given - given.keys())
        for record in records:
            leaf = record.leaf
            if record.type == "motor":
                self.typed.add(leaf)
                if leaf or self.reserved is device_members():
                    yield self._motor(record)
            elif leaf in given and leaf not in by_setpoint:
                self.typed |= {given[leaf].read, leaf}
                yield self._decorated(given[leaf], record)
            elif leaf in by_setpoint:
                yield from self._paired(by_setpoint[leaf], by_leaf)
            elif leaf in by_leaf and (leaf not in readbacks or (leaf in in_given and leaf not in self.typed)):
                yield from self._alone(by_leaf[leaf])

    def _motor(self, record: TemplateRecord) -> Child:
        name = self._change(record.leaf).name or snake(record.leaf) or "motor"
        return Child(self.names.take(name), MOTOR, record.leaf, doc=self._doc(record))

    def _paired(self, pair: Pair, by_leaf: Mapping[str, TypedRecord]) -> Iterator[Signal]:
        record = by_leaf[pair.setpoint].record
        self.typed |= {pair.setpoint, pair.readback}
        attribute = self._attribute(record, pair.stem)
        yield self._signal(attribute, Access.READ_WRITE, pair.served, record, pair.readback, pair.setpoint)
        yield from self._field_signals(record)
        yield from self._field_signals(by_leaf[pair.readback].record)

    def _alone(self, judged: TypedRecord) -> Iterator[Signal]:
        record, change = judged.record, self._change(judged.leaf)
        self.typed.add(record.leaf)
        access = _ACCESS[change.kind] if change.kind else self._usual_access(record)
        if access is Access.COMMAND and not judged.served.takes_command:
            self.problems.error(
                "override-impossible",
                record.at,
                f"{record.leaf} cannot be a command: the record serves {judged.served.kind} ({judged.served.native})",
                hint="a command writes 1 to a record of two states or a whole number",
            )
        stem = record.leaf.removesuffix("_RBV") or record.leaf
        if stem != record.leaf and snake(stem) in self.names:
            stem = record.leaf
        attribute = self._attribute(record, stem)
        yield self._signal(attribute, access, judged.served, record, record.leaf, record.leaf)
        yield from self._field_signals(record)

    def _usual_access(self, record: TemplateRecord) -> Access:
        return Access.COMMAND if record.leaf in self.pvi.commands else access_of(record)

    def _attribute(self, record: TemplateRecord, stem: str) -> str:
        change = self._change(record.leaf)
        plain = change.name or snake(self.pvi.names.get(record.leaf, "")) or snake(stem) or "value"
        wanted = self.names.allowed(plain)
        if plain in self.shipped_names and plain not in self.reserved and not change.name:
            shipped_reads_it = snake(stem) == plain and not record.leaf.endswith("_RBV")
            settable = record.type in WRITABLE
            plain = wanted = f"{plain}_setpoint" if shipped_reads_it and settable else plain
        taken = self.names.take(plain)
        if taken not in (plain, wanted):
            self.problems.note(
                "name-collision",
                record.at,
                f"{record.leaf} is called {taken} because {plain} is another record",
                hint="give it a `name` in the beamline file to choose yourself",
            )
        return taken

    def _signal(
        self, attribute: str, access: Access, served: Served, record: TemplateRecord, read: str, write: str
    ) -> Signal:
        suffix = served.suffix
        datatype = None if access is Access.COMMAND else self.datatypes.of(attribute, served)
        signal = Signal(
            attribute,
            access,
            datatype,
            read + suffix,
            None if read == write else write + suffix,
            busy=record.type == "busy" and access is Access.READ_WRITE,
            driver_states=served.kind is Kind.DRIVER_STATES and access is not Access.COMMAND,
        )
        return self._decorated(signal, record)

    def _decorated(self, signal: Signal, record: TemplateRecord) -> Signal:
        return replace(
            signal,
            format=self._format(signal, record),
            doc=self._doc(record),
            group=self.pvi.groups.get(record.leaf, ""),
            at=record.at,
        )

    def _doc(self, record: TemplateRecord) -> str:
        given = self._change(record.leaf).doc or self.pvi.docs.get(record.leaf)
        return given if given is not None else _plain_text(record.fields.get("DESC", ""))

    def _format(self, signal: Signal, record: TemplateRecord) -> Format:
        change = self._change(record.leaf)
        if signal.access in (Access.COMMAND, Access.WRITE):
            return Format.NONE
        if change.format is not None:
            return change.format
        if record.saved and signal.access is Access.READ_WRITE:
            self.suggested[signal.attribute] = Format.CONFIG
        elif record.leaf in self.pvi.reads and signal.access is Access.READ and signal.datatype in _NUMBERS:
            self.suggested[signal.attribute] = Format.READ
        return Format.NONE

    def _field_signals(self, record: TemplateRecord) -> Iterator[Signal]:
        for name, served, writable in self.typing.fields(record):
            stem = record.leaf or ("value" if len(name) == 1 else "")
            attribute = self.names.take(snake(f"{stem} {name}"))
            datatype = self.datatypes.of(attribute, served)
            access = Access.READ_WRITE if writable else Access.READ
            open_states = served.kind is Kind.DRIVER_STATES
            yield Signal(
                attribute, access, datatype, record.leaf + served.suffix, driver_states=open_states, at=record.at
            )


def _plain_text(desc: str) -> str:
    """Return a DESC as words; one that still holds a macro says nothing about the class."""
    return "" if "$(" in desc or "${" in desc else " ".join(desc.split())


_NUMBERS = (BuiltinType("int"), BuiltinType("float"))
_ACCESS = {
    Wanted.READ: Access.READ,
    Wanted.READ_WRITE: Access.READ_WRITE,
    Wanted.WRITE: Access.WRITE,
    Wanted.COMMAND: Access.COMMAND,
}
