"""Rewrite `tables/record_types.json` from record definitions (dbd files).

EPICS base is read from the dbd files that the installed `epicscorelibs` ships. The record types of a support
module are read again when its dbd files are given, and kept as they are otherwise:

    python scripts/refresh_record_types.py
    python scripts/refresh_record_types.py motor=motorRecord.dbd motor=motorSupport.dbd busy=busyRecord.dbd

Kept are facts only: names, types, menus, sizes, specials, initial values, and the device support that the module
brings for its own record types; no prompts, no comments.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.database.database_text import parse_database, parse_field_definitions
from beamwright_generator.parse.database.statements import DeviceSupport, FieldDefinition, Menu, RecordTypeDefinition
from beamwright_generator.problems import Problems

TABLE = Path(__file__).parents[1] / "generator/beamwright_generator/tables/record_types.json"
KEPT = {"menu", "size", "special", "pp", "initial"}
Table = dict[str, Any]


def installed_base() -> Path:
    """Find the dbd files of the EPICS base inside `epicscorelibs`."""
    spec = find_spec("epicscorelibs")
    if spec is None or spec.origin is None:
        raise SystemExit("epicscorelibs is not installed")
    return Path(spec.origin).parent / "dbd"


def source(path: Path) -> Source:
    """Open a dbd file."""
    return Source(path.resolve(), path.name, path.read_text())


def field(definition: FieldDefinition) -> dict[str, Any]:
    """Keep the facts of a field."""
    facts: dict[str, Any] = {"dbf": definition.type.removeprefix("DBF_")}
    for key, value in definition.attributes:
        if key in KEPT and value:
            facts[key] = value
    if facts.pop("pp", "") in ("TRUE", "YES", "1"):
        facts["pp"] = True
    if "size" in facts:
        facts["size"] = int(facts["size"])
    return facts


def read(paths: Iterable[Path]) -> Table:
    """Read menus and record types; includes are left out, so a record type holds its own fields only."""
    menus: dict[str, list[str]] = {}
    types: dict[str, dict[str, Any]] = {}
    devices: dict[str, list[str]] = {}
    problems = Problems()
    for item in (item for path in paths for item in parse_database(source(path), problems).items):
        match item:
            case Menu():
                menus[item.name] = [text for _, text in item.choices]
            case RecordTypeDefinition():
                types[item.name] = {definition.name: field(definition) for definition in item.fields}
            case DeviceSupport():
                devices.setdefault(item.record_type, []).append(item.choice)
            case _:
                pass
    if problems.errors:
        raise SystemExit("\n".join(map(str, problems.in_order())))
    return {"menus": menus, "types": types, "devices": devices}


def read_common(path: Path) -> dict[str, Any]:
    """Read dbCommon.dbd, which is a list of fields without a record type around it."""
    body = parse_field_definitions(source(path), Problems())
    return {item.name: field(item) for item in body if isinstance(item, FieldDefinition)}


def base_part(folder: Path) -> Table:
    """Read every menu and record type of EPICS base, and dbCommon."""
    part = read(sorted([*folder.glob("menu*.dbd"), *folder.glob("*Record.dbd"), folder / "devSoft.dbd"]))
    part["types"]["dbCommon"] = read_common(folder / "dbCommon.dbd")
    return part


def merged(old: Table, parts: dict[str, Table]) -> Table:
    """Put freshly read modules over the old table; everything else is kept."""
    types = {name: block for name, block in old.get("types", {}).items() if block["module"] not in parts}
    menus = {name: block for name, block in old.get("menus", {}).items() if block["module"] not in parts}
    for module, part in parts.items():
        for name, fields in part["types"].items():
            types[name] = {"module": module, "devices": part["devices"].get(name, []), "fields": fields}
        for name, choices in part["menus"].items():
            if name in menus and menus[name]["choices"] != choices:
                raise SystemExit(f"menu {name} of {module} differs from {menus[name]['module']}'s")
            menus.setdefault(name, {"module": module, "choices": choices})
    return {"menus": menus, "types": types}


def text(table: Table) -> str:
    """Lay the table out: one menu on a line, one record type in a block, one field on a line."""
    menus = ",\n".join(f"  {json.dumps(name)}: {json.dumps(table['menus'][name])}" for name in sorted(table["menus"]))
    blocks = ",\n".join(_block(name, table["types"][name]) for name in sorted(table["types"]))
    return f'{{\n"menus": {{\n{menus}\n}},\n"types": {{\n{blocks}\n}}\n}}\n'


def _block(name: str, block: dict[str, Any]) -> str:
    fields = ",\n".join(f"  {json.dumps(key)}: {json.dumps(facts)}" for key, facts in block["fields"].items())
    head = f'"module": {json.dumps(block["module"])}, "devices": {json.dumps(block.get("devices", []))}'
    return f'{json.dumps(name)}: {{{head}, "fields": {{\n{fields}\n}}}}'


def main() -> None:
    """Rewrite the table in place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE=FILE.dbd", help="dbd files of support modules")
    given: dict[str, list[Path]] = {}
    for argument in parser.parse_args().modules:
        module, _, path = argument.partition("=")
        given.setdefault(module, []).append(Path(path))
    parts = {"base": base_part(installed_base())}
    for module, paths in given.items():
        parts[module] = read(paths)
    old = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    TABLE.write_text(text(merged(old, parts)), newline="\n")


if __name__ == "__main__":
    main()
