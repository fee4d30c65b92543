"""What will be written, decided and in order: device types, placed devices, one beamline. Frozen, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from beamwright_generator.basics.choices import ConnectionPolicy as ConnectionPolicy
from beamwright_generator.basics.choices import Format as Format
from beamwright_generator.basics.packages import USUAL
from beamwright_generator.basics.source_text import Position


class Access(StrEnum):
    """What a plan may do with a signal."""

    READ = "SignalR"
    READ_WRITE = "SignalRW"
    WRITE = "SignalW"
    COMMAND = "TriggerableCommand"


class EnumKind(StrEnum):
    """How strictly the states of an enum must be those the server offers."""

    STRICT = "StrictEnum"
    SUBSET = "SubsetEnum"
    SUPERSET = "SupersetEnum"
    DRIVER = "DriverEnum"


@dataclass(frozen=True, slots=True, order=True)
class ClassRef:
    """A class by the module that it is imported from.

    :param module: empty for a class of the module that refers to it.
    """

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A numpy array with one dimension, such as ``Array1D[np.float64]``."""

    dtype: str


@dataclass(frozen=True, slots=True)
class BuiltinType:
    """A built-in type: bool, int, float, str or ``Sequence[str]``; ``np.ndarray`` for an image."""

    name: str


@dataclass(frozen=True, slots=True)
class States:
    """A column of a table that holds a state in each row: ``Sequence[Trigger]``."""

    enum: ClassRef


Datatype = BuiltinType | ArrayType | ClassRef | States


@dataclass(frozen=True, slots=True)
class EnumState:
    """One state: the member's name and the text that the record has for it."""

    member: str
    text: str


@dataclass(frozen=True, slots=True)
class EnumType:
    """The states of a record as a class."""

    name: str
    kind: EnumKind
    states: tuple[EnumState, ...]


@dataclass(frozen=True, slots=True)
class TableType:
    """The columns of a table as a class, with their types in order."""

    name: str
    columns: tuple[tuple[str, Datatype], ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """One typed attribute on one record, or on a setpoint and its readback.

    Suffixes follow the device prefix; a constructor parameter stands in them as the macro it is, ``$(N)``.

    :param read: suffix of the record that is read; for a command, of the record that is written.
    :param write: suffix of the setpoint when it is not the record that is read.
    :param busy: putting a non-zero value waits until the record is done, zero does not wait.
    :param driver_states: a text that is whatever state the record's driver brings.
    """

    attribute: str
    access: Access
    datatype: Datatype | None
    read: str
    write: str | None = None
    busy: bool = False
    driver_states: bool = False
    format: Format = Format.NONE
    doc: str = ""
    group: str = ""
    at: Position | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Child:
    """A device inside a device.

    :param declared: it can be declared by an annotation; others are made in the constructor.
    :param readable: what it shows in the documents of a run, the device around it shows too.
    """

    attribute: str
    type: ClassRef
    suffix: str
    declared: bool = True
    doc: str = ""
    readable: bool = False


@dataclass(frozen=True, slots=True)
class Vector:
    """Equal devices that are numbered."""

    attribute: str
    type: ClassRef
    entries: tuple[tuple[int, str], ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class AnnotatedVector:
    """Devices that are numbered, declared by an annotation.

    :param entries: each number with its suffix.
    :param own: classes of entries that are not just of the vector's type, but extend it.
    """

    attribute: str
    type: ClassRef
    entries: tuple[tuple[int, str], ...]
    own: tuple[tuple[int, ClassRef], ...] = ()
    doc: str = ""
    readable: bool = False


@dataclass(frozen=True, slots=True)
class SignalVector:
    """Signals or commands of one type that are numbered, declared by an annotation.

    :param entries: each number with the suffix that is read, and that is written where it is another.
    """

    attribute: str
    access: Access
    datatype: Datatype | None
    entries: tuple[tuple[int, str, str | None], ...]
    format: Format = Format.NONE
    doc: str = ""


Member = Signal | Child | Vector | AnnotatedVector | SignalVector


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A class, made from one template or one group of flat records.

    :param bases: most specific first; empty means a plain record device.
    :param parameters: constructor parameters besides the prefix, each with the macro it stands for.
    """

    ref: ClassRef
    doc: str
    bases: tuple[ClassRef, ...]
    members: tuple[Member, ...]
    enums: tuple[EnumType, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    sources: tuple[str, ...] = ()
    tables: tuple[TableType, ...] = ()

    @property
    def defined(self) -> tuple[str, ...]:
        """Name everything that is written for it: the class, its enums and tables."""
        return (self.ref.name, *(enum.name for enum in self.enums), *(table.name for table in self.tables))

    @property
    def readable(self) -> bool:
        """Whether some member appears in the documents of a run."""
        return any(_is_readable(member) for member in self.members)


def _is_readable(member: Member) -> bool:
    if isinstance(member, Signal | SignalVector):
        return member.format is not Format.NONE
    return isinstance(member, Child | AnnotatedVector) and member.readable


@dataclass(frozen=True, slots=True)
class Placement:
    """What every placed device has: its factory's name and words, and how it is connected.

    :param ioc: the IOC, or IOCs, that serve it.
    :param timeout: to wait for its channels, in seconds; None leaves it to the runtime.
    """

    name: str
    doc: str
    ioc: str
    policy: ConnectionPolicy
    optional: bool = False
    timeout: float | None = None
    at: Position | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A placed device: one factory of the beamline module.

    :param arguments: keyword arguments of the class besides the prefix, as values of macros.
    :param writes: it writes files, and is given a path provider.
    """

    place: Placement
    type: ClassRef
    prefix: str
    arguments: tuple[tuple[str, str], ...] = ()
    writes: bool = False


@dataclass(frozen=True, slots=True)
class DevicePart:
    """A device as a member of a detector or a group, with its full prefix.

    :param readable: it takes part in the documents of a run.
    """

    attribute: str
    type: ClassRef
    prefix: str
    arguments: tuple[tuple[str, str], ...] = ()
    doc: str = ""
    readable: bool = False


@dataclass(frozen=True, slots=True)
class Detector:
    """An areaDetector: driver, file writer and plugins, found by following their asyn ports.

    :param frames: the ways that frames go, each from a member to the member that listens to it.
    """

    place: Placement
    class_name: str
    driver: DevicePart
    writer: DevicePart | None
    plugins: tuple[DevicePart, ...]
    frames: tuple[tuple[str, str], ...] = ()

    @property
    def parts(self) -> tuple[DevicePart, ...]:
        """Everything that it is made of, the driver first."""
        return (self.driver, *([self.writer] if self.writer else []), *self.plugins)


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that stand together as one, such as the axes of a stage."""

    place: Placement
    class_name: str
    parts: tuple[DevicePart, ...]


@dataclass(frozen=True, slots=True)
class NumberedDevices:
    """Devices of one class at one prefix that differ in a number, as a vector.

    :param entries: each number with the keyword arguments of its device.
    """

    place: Placement
    type: ClassRef
    prefix: str
    entries: tuple[tuple[int, tuple[tuple[str, str], ...]], ...]


PlacedDevice = Device | Detector | Group | NumberedDevices


@dataclass(frozen=True, slots=True)
class BeamlineModule:
    """One beamline module.

    :param slow: device modules that take long to import.
    """

    name: str
    title: str
    source: str
    ioc_count: int
    devices: tuple[PlacedDevice, ...]
    slow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that one run writes.

    :param name: the beamline's name; empty for a template by itself.
    :param modules: device modules by import path, each with its classes in the order they are written.
    :param package: the generated package, dotted or not, that the modules are in.
    """

    name: str
    modules: dict[str, tuple[DeviceType, ...]]
    beamline: BeamlineModule | None
    package: str = USUAL
