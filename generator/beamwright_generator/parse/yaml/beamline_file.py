"""The beamline file: which IOCs a beamline has, where their descriptions are, and what to override."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from beamwright_generator.basics.choices import ConnectionPolicy, Format, Transport
from beamwright_generator.basics.packages import USUAL, fault_of
from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.yaml.entry_positions import BeamlinePositions as BeamlinePositions
from beamwright_generator.problems import Problems


def _no_keyword(name: str) -> str:
    if keyword.iskeyword(name):
        raise PydanticCustomError("keyword", "{name} is a keyword of Python", {"name": name})
    return name


def _package_name(name: str) -> str:
    if fault := fault_of(name):
        raise PydanticCustomError("package", "{fault}", {"fault": fault})
    return name


Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$"), AfterValidator(_no_keyword)]
RootName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
ClassName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$"), AfterValidator(_no_keyword)]
PackageName = Annotated[str, AfterValidator(_package_name)]
Text = Annotated[str, Field(coerce_numbers_to_str=True)]


class _FileEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalKind(StrEnum):
    """What a record becomes, instead of what the rules say."""

    READ = "read"
    READ_WRITE = "read-write"
    WRITE = "write"
    COMMAND = "command"


class SignalType(StrEnum):
    """The Python type of a signal, instead of what the rules say; the record must be able to serve it."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"
    ENUM = "enum"


class DatabaseEntry(_FileEntry):
    """One dbLoadRecords."""

    file: str = Field(description="The database or template, from `search` or relative to the beamline file.")
    macros: Mapping[str, Text] = Field(default={}, description="Macro values, as in dbLoadRecords.")


class IocEntry(_FileEntry):
    """One IOC: a boot script, or the files it loads."""

    name: str = Field(description="The IOC's name, shown in reports and docstrings.")
    startup: str | None = Field(default=None, description="The boot script (st.cmd); it is read, never executed.")
    folder: str | None = Field(default=None, description="Where the IOC starts; default: the boot script's folder.")
    env: Mapping[str, Text] = Field(
        default={}, description="Environment that the script expects, such as the values of envPaths (TOP, ADCORE)."
    )
    search: Sequence[str] = Field(default=(), description="Further folders to find this IOC's files in.")
    databases: Sequence[DatabaseEntry] = Field(default=(), description="Databases loaded besides the boot script.")
    substitutions: Sequence[str] = Field(default=(), description="Substitution files loaded besides the boot script.")
    pvi: Sequence[str] = Field(default=(), description="PVI device yaml files; each matches the template of its name.")
    snapshots: Sequence[str] = Field(default=(), description="Recorded PVI trees, as `gen snapshot` writes them.")
    transport: Transport | None = Field(
        default=None, description="Channel Access or PV Access; default: the beamline's."
    )
    policy: ConnectionPolicy | None = Field(default=None, description="When this IOC's devices are connected.")
    optional: bool = Field(default=False, description="The beamline starts without this IOC's devices.")


class RecordOverride(_FileEntry):
    """What to change about one record of a template."""

    name: Identifier | None = Field(default=None, description="The attribute's name.")
    kind: SignalKind | None = Field(default=None, description="Read, read-write, write or command.")
    type: SignalType | None = Field(default=None, description="The Python type.")
    format: Format | None = Field(default=None, description="Where the value appears in a run's documents.")
    doc: str | None = Field(default=None, description="The docstring, instead of the record's DESC.")
    fields: Sequence[str] = Field(default=(), description="Further fields of the record that become signals.")


class TemplateOverride(_FileEntry):
    """What to change about the class of one template."""

    name: ClassName | None = Field(default=None, description="The class name.")
    exclude: Sequence[str] = Field(default=(), description="Globs of record suffixes to leave out.")
    include: Sequence[str] = Field(default=(), description="If given, only these globs of record suffixes are kept.")
    records: Mapping[str, RecordOverride] = Field(
        default={}, description="Changes by record suffix, written as in the template after the device prefix."
    )

    def on_top_of(self, included: Iterable[TemplateOverride]) -> TemplateOverride:
        """Add what is changed about the records of included files, where this says nothing else about them."""
        records: dict[str, RecordOverride] = {}
        exclude: list[str] = []
        for other in included:
            records |= other.records
            exclude += other.exclude
        if not records and not exclude:
            return self
        return self.model_copy(update={"records": {**records, **self.records}, "exclude": (*exclude, *self.exclude)})


class DeviceOverride(_FileEntry):
    """What to change about one device, found by its PV prefix."""

    name: Identifier | None = Field(default=None, description="The factory's and the device's name.")
    doc: str | None = Field(default=None, description="The factory's docstring.")
    policy: ConnectionPolicy | None = Field(default=None, description="When the device is connected.")
    optional: bool | None = Field(default=None, description="The beamline starts without this device.")
    skip: bool = Field(default=False, description="Leave this device out.")
    timeout: float | None = Field(default=None, gt=0, description="Seconds to wait for its channels.")


class GroupOverride(_FileEntry):
    """Devices that stand together as one, such as the axes of a stage."""

    devices: Mapping[Identifier, str] = Field(default={}, description="Member name to device prefix.")
    match: str | None = Field(
        default=None, description="A glob of device prefixes; members are named by what the star stands for."
    )
    doc: str | None = Field(default=None, description="The docstring of the group.")
    policy: ConnectionPolicy | None = Field(default=None, description="When the group is connected.")
    optional: bool = Field(default=False, description="The beamline starts without this group.")


class Overrides(_FileEntry):
    """What the descriptions cannot say."""

    templates: Mapping[str, TemplateOverride] = Field(default={}, description="By template file name.")
    devices: Mapping[str, DeviceOverride] = Field(default={}, description="By PV prefix.")
    groups: Mapping[Identifier, GroupOverride] = Field(default={}, description="By group name.")
    exclude: Sequence[str] = Field(default=(), description="Globs of device prefixes to leave out.")
    include: Sequence[str] = Field(default=(), description="If given, only devices whose prefix matches one are kept.")


class WireEntry(_FileEntry):
    """What a simulated signal is wired to."""

    motor: str | None = Field(default=None, description="The motor record whose axis the encoder reads.")
    resolution: float | None = Field(
        default=None, gt=0, description="Units of the axis for each count; default: one step of the motor (ERES, MRES)."
    )
    dataset: str | None = Field(
        default=None, description="The name that the position is captured by; default: the end of the motor's name."
    )
    cameras: Sequence[str] = Field(default=(), description="Prefixes of the cameras that the output triggers.")


class TwinEntry(_FileEntry):
    """What a simulated beamline needs to know besides."""

    wires: Mapping[str, WireEntry] = Field(
        default={}, description="By signal: prefix and name in the box, such as BL01X-EA-PANDA-01:INENC1.VAL."
    )


class BeamlineFile(_FileEntry):
    """A beamline: its IOCs, where their descriptions are found, and what to override."""

    name: Identifier = Field(description="The beamline module's name, such as x01.")
    title: str = Field(default="", description="The beamline's name as people say it, such as BL01X.")
    roots: Mapping[RootName, str] | Sequence[str] = Field(
        default=(),
        description="Folders that files may be read from besides the repository, by the names that stand for them.",
    )
    search: Sequence[str] = Field(default=(), description="Folders to find databases, templates and PVI files in.")
    out: str | None = Field(
        default=None,
        description="Folder for the generated package, from this file; default: `generated` in the repository.",
    )
    package: PackageName = Field(
        default=USUAL,
        description="The generated package's import name, dotted or not, such as x01_devices or mysite.devices.",
    )
    observations: str | None = Field(
        default=None, description="What the running IOCs serve, as `gen observe` recorded it."
    )
    transport: Transport = Field(default=Transport.CA, description="Channel Access or PV Access.")
    policy: ConnectionPolicy = Field(default=ConnectionPolicy.LAZY, description="When devices are connected.")
    iocs: Sequence[IocEntry] = Field(min_length=1, description="The beamline's IOCs.")
    overrides: Overrides = Field(default=Overrides(), description="What the descriptions cannot say.")
    twin: TwinEntry = Field(default=TwinEntry(), description="What a simulated beamline needs to know besides.")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the beamline file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "beamline.yaml",
        **BeamlineFile.model_json_schema(),
    }


def parse_beamline(source: Source, problems: Problems) -> tuple[BeamlineFile, BeamlinePositions] | None:
    """Read and validate a beamline file; everything wrong with it is reported with its line."""
    try:
        data = YAML(typ="rt", pure=True).load(source.text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Position(source.name, mark.line + 1, mark.column + 1) if mark else Position(source.name)
        problems.error("beamline-invalid", at, f"not valid YAML: {error.problem}")
        return None
    except ReaderError as error:
        at = source.position(min(error.position, len(source.text)))
        problems.error("beamline-invalid", at, f"not valid YAML: {error.reason}")
        return None
    except (YAMLError, ValueError) as error:
        problems.error("beamline-invalid", Position(source.name), f"not valid YAML: {error}")
        return None
    except RecursionError:
        problems.error("beamline-invalid", Position(source.name), "it is nested too deeply")
        return None
    positions = BeamlinePositions(source.name, data)
    if not isinstance(data, dict):
        problems.error(
            "beamline-invalid",
            Position(source.name),
            "a beamline file is a mapping with at least `name` and `iocs`",
            hint="`gen init st.cmd --name x01` writes a first one, `gen schema` prints what may stand in it",
        )
        return None
    try:
        beamline = BeamlineFile.model_validate(data)
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(str(part) for part in fault["loc"])
            message = "is not a known key" if fault["type"] == "extra_forbidden" else fault["msg"]
            problems.error(
                "beamline-invalid",
                positions.of(*fault["loc"]),
                f"{where}: {message}",
                hint="`gen schema` prints what may stand in a beamline file",
            )
        return None
    if any("\ud800" <= character <= "\udfff" for text in _texts(data) for character in text):
        problems.error("beamline-invalid", Position(source.name), "an escape such as \\ud800 stands for no character")
        return None
    return beamline, positions


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
