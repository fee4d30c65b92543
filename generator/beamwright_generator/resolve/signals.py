"""From the records of one device type to its typed signals, in record order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from beamwright_generator.model import (
    Access,
    ArrayType,
    Child,
    ClassRef,
    Datatype,
    EnumKind,
    EnumState,
    EnumType,
    Format,
    Member,
    Plain,
    Signal,
)
from beamwright_generator.parse.beamline import Kind as Wanted
from beamwright_generator.parse.beamline import RecordOverride, SignalType, TemplateOverride
from beamwright_generator.problems import Problems
from beamwright_generator.resolve import shipped as ophyd_async
from beamwright_generator.resolve.datatypes import field_type, value_type
from beamwright_generator.resolve.names import Names, enum_member, pascal, snake
from beamwright_generator.resolve.pairs import Pair, pair_records
from beamwright_generator.resolve.records import FIELDS, PROCESSED, WRITABLE, TemplateRecord, access_of
from beamwright_generator.resolve.served import Answer, Kind, Served, Transport, Undecided, Untyped
from beamwright_generator.source import Position
from beamwright_generator.tables.record_types import record_type
from beamwright_generator.tables.shipped import ShippedSignal, device_members, motor_members

MOTOR = ClassRef("beamwright_runtime", "Motor")


@dataclass(frozen=True, slots=True)
class PviFacts:
    """What a PVI description says about the records of one template, by record suffix."""

    names: Mapping[str, str] = field(default_factory=dict)
    docs: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    pairs: Mapping[str, str] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()

    def on_top_of(self, included: Iterable[PviFacts]) -> PviFacts:
        """Add what is said about the records of included files, where this says nothing else about them."""
        layers = [*included, self]
        return PviFacts(
            {leaf: name for facts in layers for leaf, name in facts.names.items()},
            {leaf: doc for facts in layers for leaf, doc in facts.docs.items()},
            {leaf: group for facts in layers for leaf, group in facts.groups.items()},
            {setpoint: readback for facts in layers for setpoint, readback in facts.pairs.items()},
            frozenset(leaf for facts in layers for leaf in facts.reads),
        )


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


@dataclass(frozen=True, slots=True)
class _Record:
    """A record with its judged type, as pairing and naming need it."""

    record: TemplateRecord
    served: Served

    @property
    def leaf(self) -> str:
        return self.record.leaf

    @property
    def type(self) -> str:
        return self.record.type

    @property
    def at(self) -> Position:
        return self.record.at


def judge(
    records: Sequence[TemplateRecord],
    class_name: str,
    templates: Collection[str],
    transport: Transport,
    override: TemplateOverride,
    pvi: PviFacts,
    refused: Collection[str],
    problems: Problems,
) -> Signals:
    """Type, pair and name the records of one device type; what cannot be typed is reported and left out.

    :param templates: file names of the template and all it includes, for the classes ophyd-async ships.
    :param refused: shipped classes that do not fit an included file either, which was reported there.
    """
    return _Judge(class_name, transport, override, pvi, problems).run(records, templates, refused)


class _Judge:
    def __init__(
        self, class_name: str, transport: Transport, override: TemplateOverride, pvi: PviFacts, problems: Problems
    ) -> None:
        self.class_name = class_name
        self.transport = transport
        self.override = override
        self.pvi = pvi
        self.problems = problems
        self.names = Names()
        self.reserved = device_members()
        self.enums: dict[str, EnumType] = {}
        self.enum_names = Names(joint="")
        self.shipped_names: set[str] = set()
        self.suggested: dict[str, Format] = {}
        self.typed: set[str] = set()
        self.undecided: dict[tuple[str, ...], list[TemplateRecord]] = {}

    def run(self, records: Sequence[TemplateRecord], templates: Collection[str], refused: Collection[str]) -> Signals:
        kept = [record for record in records if not self._excluded(record)]
        motors = [record for record in kept if record.type == "motor"]
        motor = len(motors) == 1 and not motors[0].leaf
        self.reserved = motor_members() if motor else device_members()
        self.names = Names(reserved=self.reserved)
        judged = list(self._typed(kept))
        served = {record.leaf: record.served for record in judged}
        match = ophyd_async.match(templates, served)
        for name, reasons in match.refused:
            if name in refused:
                continue
            self.problems.note(
                "stands-alone",
                kept[0].at if kept else None,
                f"{self.class_name} does not extend ophyd-async's {name}",
                detail=reasons[:12] + ((f"and {len(reasons) - 12} more",) if len(reasons) > 12 else ()),
            )
        given = {leaf: ophyd_async.as_signal(signal) for leaf, signal in self._shipped_by_leaf(match).items()}
        self.shipped_names = {signal.attribute.rstrip("_") for signal in given.values()}
        for name in self.shipped_names:
            self.names.take(name)
        members = list(self._members(kept, judged, given))
        self._report_undecided()
        return Signals(
            tuple(members),
            self.enums,
            self.suggested,
            match.extended,
            frozenset(name for name, _ in match.refused),
            served,
            motor,
            len(kept),
            len(self.typed),
        )

    def _shipped_by_leaf(self, match: ophyd_async.Match) -> dict[str, ShippedSignal]:
        """Key each shipped signal by the record that comes first in it: the setpoint, or what is read."""
        return {signal.write: signal for signal in match.signals.values() if not self._overridden(signal.write)}

    def _overridden(self, leaf: str) -> bool:
        change = self.override.records.get(leaf)
        return change is not None and (change.name or change.kind or change.type) is not None

    def _excluded(self, record: TemplateRecord) -> bool:
        kept = not self.override.include or any(fnmatchcase(record.leaf, glob) for glob in self.override.include)
        return not kept or any(fnmatchcase(record.leaf, glob) for glob in self.override.exclude)

    def _change(self, leaf: str) -> RecordOverride:
        return self.override.records.get(leaf, _NO_CHANGE)

    # -- types

    def _typed(self, records: Sequence[TemplateRecord]) -> Iterator[_Record]:
        for record in records:
            if record.type == "motor":
                continue
            if record.type in PROCESSED:
                answer = field_type(record.type, "PROC", record.fields, self.transport)
            else:
                answer = value_type(record.type, record.fields, self.transport, record.infos)
            wanted = self._change(record.leaf).type
            if wanted is not None:
                answer = self._as_wanted(record, answer, wanted)
            if isinstance(answer, Served):
                yield _Record(record, answer)
            else:
                self._report_untyped(record, answer)

    def _report_untyped(self, record: TemplateRecord, answer: Untyped | Undecided) -> None:
        if isinstance(answer, Untyped):
            self.problems.warning(
                "untyped-record", record.at, f"{record.name} is left out: {answer.reason}", hint=answer.hint
            )
        else:
            self.undecided.setdefault(answer.macros, []).append(record)

    def _report_undecided(self) -> None:
        for macros, records in self.undecided.items():
            named = ", ".join(macros)
            count = len(records)
            what = (
                f"{count} records are left out: their types hang"
                if count > 1
                else "a record is left out: its type hangs"
            )
            self.problems.warning(
                "undecided-type",
                records[0].at,
                f"{what} on {named}",
                detail=[", ".join(record.leaf or record.name for record in records)],
                hint=f"give a value to {named} where the template is loaded, or with -m",
            )

    def _as_wanted(self, record: TemplateRecord, answer: Answer, wanted: SignalType) -> Answer:
        if not isinstance(answer, Served):
            return answer
        fits = {
            SignalType.BOOL: answer.takes_bool,
            SignalType.STR: answer.native in ("ENUM", "NTEnum", "STRING", "s"),
            SignalType.ENUM: len(answer.members) > 1,
            SignalType.FLOAT: answer.kind is Kind.FLOAT,
            SignalType.INT: answer.kind is Kind.INT,
        }[wanted]
        if not fits:
            self.problems.error(
                "override-impossible",
                record.at,
                f"{record.leaf} cannot be {wanted}: the record serves {answer.kind} ({answer.native})",
                hint="change or remove its `type` in the beamline file",
            )
            return answer
        return replace(answer, kind=Kind(wanted.value))

    # -- members

    def _members(
        self, records: Sequence[TemplateRecord], judged: Sequence[_Record], given: Mapping[str, Signal]
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

    def _paired(self, pair: Pair, by_leaf: Mapping[str, _Record]) -> Iterator[Signal]:
        record = by_leaf[pair.setpoint].record
        self.typed |= {pair.setpoint, pair.readback}
        attribute = self._attribute(record, pair.stem)
        yield self._signal(attribute, Access.READ_WRITE, pair.served, record, pair.readback, pair.setpoint)
        yield from self._field_signals(record)
        yield from self._field_signals(by_leaf[pair.readback].record)

    def _alone(self, judged: _Record) -> Iterator[Signal]:
        record, change = judged.record, self._change(judged.leaf)
        self.typed.add(record.leaf)
        access = _ACCESS[change.kind] if change.kind else access_of(record)
        stem = record.leaf.removesuffix("_RBV") or record.leaf
        if stem != record.leaf and snake(stem) in self.names:
            stem = record.leaf
        attribute = self._attribute(record, stem)
        yield self._signal(attribute, access, judged.served, record, record.leaf, record.leaf)
        yield from self._field_signals(record)

    def _attribute(self, record: TemplateRecord, stem: str) -> str:
        change = self._change(record.leaf)
        wanted = change.name or snake(self.pvi.names.get(record.leaf, "")) or snake(stem) or "value"
        plain = wanted.rstrip("_") if wanted.rstrip("_") in self.reserved else wanted
        if plain in self.shipped_names and plain not in self.reserved and not change.name:
            shipped_reads_it = snake(stem) == plain and not record.leaf.endswith("_RBV")
            settable = record.type in WRITABLE
            plain = f"{plain}_setpoint" if shipped_reads_it and settable else plain
        taken = self.names.take(plain)
        if taken not in (plain, f"{plain}_", f"{wanted}_setpoint"):
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
        datatype = None if access is Access.COMMAND else self._datatype(attribute, served, record)
        signal = Signal(
            attribute,
            access,
            datatype,
            read + suffix,
            None if read == write else write + suffix,
            busy=record.type == "busy" and access is Access.READ_WRITE,
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
        definition = record_type(record.type)
        for name in dict.fromkeys((*FIELDS.get(record.type, ()), *self._change(record.leaf).fields)):
            answer = field_type(record.type, name, record.fields, self.transport)
            if not isinstance(answer, Served):
                self._report_untyped(record, answer)
                continue
            writable = definition is not None and definition.fields[name].writable
            stem = record.leaf or ("value" if len(name) == 1 else "")
            attribute = self.names.take(snake(f"{stem} {name}"))
            datatype = self._datatype(attribute, answer, record)
            access = Access.READ_WRITE if writable else Access.READ
            yield Signal(attribute, access, datatype, record.leaf + answer.suffix, at=record.at)

    def _datatype(self, attribute: str, served: Served, record: TemplateRecord) -> Datatype:
        match served.kind:
            case Kind.ENUM:
                return self._enum(attribute, served, record)
            case Kind.ARRAY:
                return ArrayType(served.dtype)
            case Kind.STR_ARRAY:
                return Plain("Sequence[str]")
            case Kind.LONG_STR:
                return Plain("str")
            case plain:
                return Plain(plain.value)

    def _enum(self, attribute: str, served: Served, record: TemplateRecord) -> ClassRef:
        name = self.enum_names.take(f"{self.class_name}{pascal(attribute)}")
        kind = EnumKind.DRIVER if served.driver_states else EnumKind.STRICT if served.strict else EnumKind.SUBSET
        members = Names()
        states = tuple(EnumState(members.take(enum_member(text)), text) for text in served.members)
        self.enums[attribute] = EnumType(name, kind, states, record.leaf or record.name)
        return ClassRef("", name)


def _plain_text(desc: str) -> str:
    """Give a DESC as words; one that still holds a macro says nothing about the class."""
    return "" if "$(" in desc or "${" in desc else " ".join(desc.split())


_NO_CHANGE = RecordOverride()
_NUMBERS = (Plain("int"), Plain("float"))
_ACCESS = {
    Wanted.READ: Access.READ,
    Wanted.READ_WRITE: Access.READ_WRITE,
    Wanted.WRITE: Access.WRITE,
    Wanted.COMMAND: Access.COMMAND,
}
