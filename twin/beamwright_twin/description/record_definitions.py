"""Writes the definitions (dbd) of the record types that EPICS base lacks, from the generator's own tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from beamwright_generator.tables.record_types import FieldDef, RecordType, base_menus, common_fields, menu, record_type


def definitions(types: Iterable[str], devices: Mapping[str, Mapping[str, str]]) -> str:
    """Return the dbd text of record types and of the menus they use.

    :param devices: for each record type the choices of DTYP in order, and the kind of link that each takes.
    """
    found = [definition for name in types if (definition := record_type(name))]
    menus = {field.menu: None for definition in found for field in definition.fields.values() if field.menu}
    lines = [line for name in menus if name not in base_menus() for line in _menu(name)]
    for definition in found:
        lines += [f"recordtype({definition.name}) {{", '  include "dbCommon.dbd"']
        lines += [_field(field) for field in _own(definition)]
        lines += ["}"]
    for name, choices in devices.items():
        lines += [f'device({name}, {link}, {device_name(name)}, "{choice}")' for choice, link in choices.items()]
    return "\n".join((*lines, ""))


def device_name(record: str) -> str:
    """Name the device support that the twin registers for a record type."""
    return f"devTwin_{record}"


def _own(definition: RecordType) -> Iterator[FieldDef]:
    return (field for name, field in definition.fields.items() if name not in common_fields())


def _menu(name: str) -> Iterator[str]:
    yield f"menu({name}) {{"
    for number, choice in enumerate(menu(name)):
        yield f'  choice({name}_{number}, "{choice}")'
    yield "}"


def _field(field: FieldDef) -> str:
    attributes = [f'prompt("{field.name}")']
    if field.special:
        attributes.append(f"special({field.special})")
    if field.menu:
        attributes.append(f"menu({field.menu})")
    if field.size:
        attributes.append(f"size({field.size})")
    if field.pp:
        attributes.append("pp(TRUE)")
    if field.initial:
        attributes.append(f'initial("{field.initial}")')
    if field.dbf == "NOACCESS":
        attributes.append(f'extra("void *{field.name.lower()}")')
    return f"  field({field.name}, DBF_{field.dbf}) {{ {' '.join(attributes)} }}"
