"""The table of record types says what the installed EPICS base and the public modules say."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from beamwright_generator.resolve.types.kinds import LINKS, NUMBERS
from beamwright_generator.tables.record_types import menu, record_type, record_type_names

FOLLOWED = {
    "motor": ("epics-modules+motor", "motorRecord motorSupport devSoftMotor"),
    "busy": ("epics-modules+busy", "busyRecord busySupport_LOCAL busySupport_withASYN"),
    "calc": (
        "epics-modules+calc",
        "sCalcoutRecord transformRecord aCalcoutRecord sseqRecord swaitRecord calcSupport_LOCAL calcSupport_withSSCAN",
    ),
    "asyn": ("epics-modules+asyn", "asynRecord devAsynRecord"),
}


@pytest.fixture(scope="module")
def refresh(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "refresh_record_types", repository / "scripts" / "refresh_record_types.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(refresh: ModuleType) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(refresh.TABLE.read_text())
    return loaded


def part_of(table: dict[str, Any], module: str) -> dict[str, Any]:
    types = {name: facts for name, facts in table["types"].items() if facts["module"] == module}
    return {
        "menus": {name: facts["choices"] for name, facts in table["menus"].items() if facts["module"] == module},
        "types": {name: facts["fields"] for name, facts in types.items()},
        "devices": {name: facts["devices"] for name, facts in types.items() if facts["devices"]},
    }


def test_base_is_the_installed_base(refresh: ModuleType, table: dict[str, Any]) -> None:
    assert part_of(table, "base") == refresh.base_part(refresh.installed_base())


@pytest.mark.parametrize("module", FOLLOWED)
def test_modules_are_as_published(refresh: ModuleType, table: dict[str, Any], corpus: Path, module: str) -> None:
    folder, names = FOLLOWED[module]
    files = [path for name in names.split() for path in (corpus / folder).rglob(f"{name}.dbd")]
    if not files:
        pytest.skip(f"{folder} is not among the public databases")
    read = refresh.read(files)
    assert part_of(table, module) == {
        "menus": {name: choices for name, choices in read["menus"].items() if table["menus"][name]["module"] == module},
        "types": read["types"],
        "devices": read["devices"],
    }


def test_a_refresh_keeps_what_it_does_not_read(refresh: ModuleType, table: dict[str, Any]) -> None:
    assert refresh.text(refresh.merged(table, {})) == refresh.TABLE.read_text()


def test_a_refresh_replaces_a_module(refresh: ModuleType, table: dict[str, Any]) -> None:
    part = {"menus": {}, "types": {"busy": {"VAL": {"dbf": "ENUM"}}}, "devices": {"busy": ["Soft Channel"]}}
    merged = refresh.merged(table, {"busy": part})
    assert merged["types"]["busy"] == {
        "module": "busy",
        "devices": ["Soft Channel"],
        "fields": {"VAL": {"dbf": "ENUM"}},
    }
    assert merged["types"].keys() == table["types"].keys()


def test_every_field_has_what_its_type_needs() -> None:
    others = {"STRING", "ENUM", "MENU", "DEVICE", "NOACCESS"}
    for definition in known():
        for field in definition.fields.values():
            assert field.dbf in {*NUMBERS, *LINKS, *others}, field
            assert field.dbf != "MENU" or menu(field.menu), field
            assert field.dbf != "STRING" or field.size > 0, field


def test_the_record_types_of_all_modules_are_there() -> None:
    modules = {definition.module for definition in known()}
    assert modules == {"base", "motor", "busy", "calc", "asyn", "scaler", "sscan", "mca", "std", "optics"}
    assert {"epid", "throttle", "timestamp", "table", "sscan", "mca", "scaler"} < set(record_type_names())


@pytest.mark.parametrize(
    ("record", "name", "dbf", "writable"),
    [
        ("motor", "RBV", "DOUBLE", False),
        ("motor", "VAL", "DOUBLE", True),
        ("motor", "DMOV", "SHORT", False),
        ("motor", "DESC", "STRING", True),
        ("ai", "TIME", "NOACCESS", False),
        ("waveform", "VAL", "NOACCESS", True),
        ("scaler", "S64", "ULONG", False),
        ("sscan", "D70DA", "NOACCESS", True),
        ("mca", "R31NM", "STRING", True),
        ("table", "M2ZL", "OUTLINK", False),
        ("epid", "KP", "DOUBLE", True),
        ("throttle", "SENT", "DOUBLE", False),
        ("timestamp", "VAL", "STRING", True),
    ],
)
def test_fields_that_users_know(record: str, name: str, dbf: str, writable: bool) -> None:
    definition = record_type(record)
    assert definition is not None
    assert (definition.fields[name].dbf, definition.fields[name].writable) == (dbf, writable)


def test_what_is_not_known() -> None:
    assert record_type("cheese") is None
    assert record_type("dbCommon") is None
    assert menu("cheese") == ()


def known() -> Iterable[Any]:
    return [definition for name in record_type_names() if (definition := record_type(name))]
