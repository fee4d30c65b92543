"""Records with their types: what descriptions and overrides decide, and what has to be left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import ArrayType, BuiltinType, ClassRef, Datatype, EnumKind, EnumState, EnumType
from beamwright_generator.parse.yaml.beamline_file import RecordOverride, SignalType, TemplateOverride
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.naming.identifiers import Names, enum_member, pascal
from beamwright_generator.resolve.types.datatype_rules import field_type, value_type
from beamwright_generator.resolve.types.kinds import Answer, Kind, NoDatatype, Served, Transport, Undecided
from beamwright_generator.resolve.types.observed_types import Facts, sharpened
from beamwright_generator.resolve.types.template_record import FIELDS, PROCESSED, TemplateRecord
from beamwright_generator.tables.ophyd_async_classes import unlike_shipped
from beamwright_generator.tables.record_types import record_type


@dataclass(frozen=True, slots=True)
class TypedRecord:
    """A record with its type, as pairing and naming need it."""

    record: TemplateRecord
    served: Served

    @property
    def leaf(self) -> str:
        """The name after the device prefix."""
        return self.record.leaf

    @property
    def type(self) -> str:
        """The record type."""
        return self.record.type

    @property
    def at(self) -> Position:
        """Where it is defined."""
        return self.record.at


@dataclass
class Typing:
    """Types the records of one device; what cannot be typed is reported and left out.

    :param observed: what running IOCs serve for each record.
    """

    transport: Transport
    override: TemplateOverride
    observed: Facts
    problems: Problems
    _undecided: dict[tuple[str, ...], list[TemplateRecord]] = field(default_factory=dict)

    def records(self, records: Sequence[TemplateRecord]) -> Iterator[TypedRecord]:
        """Type the value of each record, or `.PROC` of one that is only run; motors are devices of their own."""
        for record in records:
            if record.type == "motor":
                continue
            if record.type in PROCESSED:
                answer = field_type(record.type, "PROC", record.fields, self.transport)
            else:
                answer = value_type(record.type, record.fields, self.transport, record.infos)
            answer = sharpened(record, answer, self.observed.get(record.leaf, ()), self.transport)
            wanted = self._change(record).type
            if wanted is not None:
                answer = self._as_wanted(record, answer, wanted)
            if isinstance(answer, Served):
                yield TypedRecord(record, answer)
            else:
                self._leave_out(record, answer)

    def fields(self, record: TemplateRecord) -> Iterator[tuple[str, Served, bool]]:
        """Type the further fields of a record that are signals: name, type, and whether clients may write it."""
        definition = record_type(record.type)
        for name in dict.fromkeys((*FIELDS.get(record.type, ()), *self._change(record).fields)):
            answer = field_type(record.type, name, record.fields, self.transport)
            if isinstance(answer, Served):
                yield name, answer, definition is not None and definition.fields[name].writable
            else:
                self._leave_out(record, answer)

    def report_undecided(self) -> None:
        """Report what hangs on macros without a value, once for the same macros."""
        for macros, records in self._undecided.items():
            named = ", ".join(macros)
            count = len(records)
            what = f"{count} records are left out: their types hang"
            self.problems.warning(
                "undecided-type",
                records[0].at,
                f"{what if count > 1 else 'a record is left out: its type hangs'} on {named}",
                detail=[", ".join(record.leaf or record.name for record in records)],
                hint=f"give a value to {named} where the template is loaded, or with -m",
            )

    def _change(self, record: TemplateRecord) -> RecordOverride:
        return self.override.records.get(record.leaf, NO_CHANGE)

    def _leave_out(self, record: TemplateRecord, answer: NoDatatype | Undecided) -> None:
        if isinstance(answer, NoDatatype):
            self.problems.warning(
                "untyped-record", record.at, f"{record.name} is left out: {answer.reason}", hint=answer.hint
            )
        else:
            self._undecided.setdefault(answer.macros, []).append(record)

    def _as_wanted(self, record: TemplateRecord, answer: Answer, wanted: SignalType) -> Answer:
        if not isinstance(answer, Served) or (answer.kind is Kind.DRIVER_STATES and wanted is SignalType.STR):
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


NO_CHANGE = RecordOverride()


def enum_name(class_name: str, attribute: str) -> str:
    """Return the name of the enum of an attribute, which none that ophyd-async ships has."""
    return unlike_shipped(f"{class_name}{pascal(attribute)}", "States")


@dataclass
class Datatypes:
    """Gives each signal of one class its Python type, and an enum class where its record has states."""

    class_name: str
    enums: dict[str, EnumType] = field(default_factory=dict)
    _names: Names = field(default_factory=lambda: Names(joint=""))

    def of(self, attribute: str, served: Served) -> Datatype:
        """Return the type of an attribute."""
        match served.kind:
            case Kind.ENUM:
                return self._enum(attribute, served)
            case Kind.ARRAY:
                return ArrayType(served.dtype)
            case Kind.STR_ARRAY:
                return BuiltinType("Sequence[str]")
            case Kind.LONG_STR | Kind.DRIVER_STATES:
                return BuiltinType("str")
            case plain:
                return BuiltinType(plain.value)

    def _enum(self, attribute: str, served: Served) -> ClassRef:
        name = self._names.take(enum_name(self.class_name, attribute))
        kind = EnumKind.DRIVER if served.driver_states else EnumKind.STRICT if served.strict else EnumKind.SUBSET
        members = Names()
        states = tuple(EnumState(members.take(enum_member(text)), text) for text in served.members)
        self.enums[attribute] = EnumType(name, kind, states)
        return ClassRef("", name)
