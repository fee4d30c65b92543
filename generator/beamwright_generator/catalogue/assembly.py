"""From the model and what it was made of to a catalogue: every signal with its PV, its words and its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from beamwright_generator.catalogue.class_rows import ClassRows
from beamwright_generator.catalogue.entries import (
    Catalogue,
    CatalogueEntry,
    CatalogueIoc,
    ClassSignals,
    SignalRow,
    Unit,
)
from beamwright_generator.model import (
    ClassRef,
    Detector,
    Device,
    DevicePart,
    DeviceType,
    Group,
    NumberedDevices,
    PlacedDevice,
)
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.parse.yaml.observation_file import Observations
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.content.device_content import Content
from beamwright_generator.resolve.devices.placed_instance import Seen
from beamwright_generator.resolve.devices.placement import addressed
from beamwright_generator.resolve.observed.promised_pvs import records_below
from beamwright_generator.resolve.resolution import Progress, Resolution, resolve_beamline
from beamwright_generator.resolve.types.template_record import TemplateRecord

_VALUES: Final = ("", "VAL", "RBV")
"""The fields that a record's description is about."""

_IN_UNITS: Final = (
    *_VALUES,
    "DVAL",
    "DRBV",
    "HLM",
    "LLM",
    "DHLM",
    "DLLM",
    "HOPR",
    "LOPR",
    "OFF",
    "RDBD",
    "TWV",
    "MRES",
)
"""The fields that are in a record's units."""


def read_catalogue(path: Path, problems: Problems, progress: Progress) -> Catalogue | None:
    """Read everything about the devices of a beamline, in the order of its module.

    :param path: the beamline file.
    :returns: None if there are errors, which are reported.
    """
    project = BeamlineProject.open(path, problems)
    observations = project.observations if project else None
    if project is None or problems.errors:
        return None
    resolution = resolve_beamline(project, progress, observations)
    if problems.errors:
        return None
    model = resolution.model
    assert model.beamline is not None
    looking = _CatalogueBuilder(resolution, observations)
    entries = tuple(looking.entry(placed) for placed in model.beamline.devices)
    iocs = tuple(_ioc(ioc.name, observations) for ioc in project.beamline.iocs)
    return Catalogue(model.name, model.beamline.title, model.beamline.source, iocs, entries, tuple(problems.in_order()))


def _ioc(name: str, observations: Observations | None) -> CatalogueIoc:
    found = observations.iocs.get(name) if observations is not None else None
    if found is None:
        return CatalogueIoc(name, None, answered=False)
    return CatalogueIoc(name, sum(len(device.records) for device in found.devices.values()), found.seen)


@dataclass
class _CatalogueBuilder:
    """Joins the placed devices with what the IOCs serve, which holds the words and the places of the records."""

    resolution: Resolution
    observations: Observations | None
    _seen: dict[tuple[ClassRef, str, tuple[tuple[str, str], ...]], Seen] = field(default_factory=dict)
    _kinds: dict[tuple[ClassRef, int], ClassSignals] = field(default_factory=dict)

    def __post_init__(self) -> None:
        modules = self.resolution.model.modules
        self._types: Mapping[ClassRef, DeviceType] = {device.ref: device for d in modules.values() for device in d}
        self._rows = ClassRows(self._types)
        for one in self.resolution.seen:
            ref = self.resolution.classes.ref(one.content)
            self._seen.setdefault((ref, addressed(one), one.arguments), one)

    def entry(self, placed: PlacedDevice) -> CatalogueEntry:
        """Return the entry of one placed device."""
        match placed:
            case Device():
                return CatalogueEntry(placed, placed.type.name, (self._unit(_part("", placed.type, placed)),))
            case NumberedDevices():
                parts = [DevicePart(str(n), placed.type, placed.prefix, values) for n, values in placed.entries]
                return CatalogueEntry(
                    placed, f"DeviceVector[{placed.type.name}]", tuple(self._unit(part) for part in parts)
                )
            case Detector() | Group():
                return CatalogueEntry(placed, placed.class_name, tuple(self._unit(part) for part in placed.parts))

    def _unit(self, part: DevicePart) -> Unit:
        seen = self._seen[part.type, part.prefix, part.arguments]
        kind = self._kind(part.type, seen.content)
        protocol, separator, prefix = part.prefix.rpartition("://")
        macros = {macro: value for (_, macro), (_, value) in zip(seen.content.keywords, part.arguments, strict=True)}
        return Unit(
            part.attribute,
            kind,
            prefix,
            protocol if separator else "ca",
            macros,
            dict(_own_words(kind, seen)),
            dict(self._observed(kind, seen)),
            part.doc,
            seen.instance.at,
        )

    def _kind(self, ref: ClassRef, content: Content) -> ClassSignals:
        key = ref, id(content)
        if key not in self._kinds:
            found = self._types.get(ref)
            records = {prefix + record.leaf: record for _, prefix, record in records_below(content, "")}
            rows = tuple(_with_words(row, records) for row in self._rows.of(ref))
            self._kinds[key] = ClassSignals(
                ref.name,
                ref.module,
                found.doc if found else "",
                tuple(base.name for base in self._rows.lineage(ref)),
                found.sources if found else (content.source,),
                rows,
            )
        return self._kinds[key]

    def _observed(self, kind: ClassSignals, seen: Seen) -> Iterator[tuple[int, str]]:
        if self.observations is None:
            return
        transport = seen.content.transport
        device = self.observations.device(seen.instance.ioc.name, seen.prefix, transport)
        if device is None:
            return
        scope = MacroScope({**seen.content.defaults, **seen.instance.macros})
        for number, row in enumerate(kind.rows):
            fact = device.records.get(expand(_leaf(row.read), scope))
            if fact is not None:
                yield number, str(fact)


def _part(attribute: str, ref: ClassRef, device: Device) -> DevicePart:
    return DevicePart(attribute, ref, device.prefix, device.arguments, device.place.doc)


def _leaf(suffix: str) -> str:
    """Return the record of a suffix that may name a field."""
    return suffix.partition(".")[0]


def _with_words(row: SignalRow, records: Mapping[str, TemplateRecord]) -> SignalRow:
    """Add what the record behind a signal says, macros still in."""
    read = records.get(_leaf(row.read))
    record = records.get(_leaf(row.write)) if row.write else read
    record = record or read
    if record is None:
        return row
    fields = {**(read.fields if read else {}), **record.fields}
    labels = tuple(fields.get(name, "") for name in ("ZNAM", "ONAM"))
    field_name = row.read.partition(".")[2]
    return replace(
        row,
        doc=row.doc or ("" if field_name not in _VALUES else " ".join(fields.get("DESC", "").split())),
        units=fields.get("EGU", "") if row.datatype in ("float", "int") and field_name in _IN_UNITS else "",
        choices=row.choices or (labels if row.datatype == "bool" and all(labels) else ()),
        record=record.type,
        at=row.at or record.at,
    )


def _own_words(kind: ClassSignals, seen: Seen) -> Iterator[tuple[int, tuple[str, str]]]:
    """Fill in the macros of words that have some, by the number of their row; those without value say nothing."""
    scope = MacroScope({**seen.content.defaults, **seen.instance.macros})
    for number, row in enumerate(kind.rows):
        if "$" in row.doc or "$" in row.units:
            doc, units = (" ".join(expand(text, scope).split()) for text in (row.doc, row.units))
            yield number, ("" if "$(" in doc else doc, "" if "$(" in units else units)
