"""The table of shipped classes says what the installed ophyd-async says."""

from __future__ import annotations

import importlib.util
import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.database.database_text import parse_database
from beamwright_generator.parse.database.statements import Include, Record
from beamwright_generator.problems import Problems
from beamwright_generator.tables.ophyd_async_classes import (
    classes_for_templates,
    device_members,
    ophyd_async_version,
    panda_members,
    shipped_blocks,
    shipped_class,
    shipped_enum,
    shipped_paths,
    shipped_tables,
    table_members,
)

AD = "ophyd_async.epics.adcore"


@pytest.fixture(scope="module")
def refresh(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh_shipped", repository / "scripts" / "refresh_shipped.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_the_installed_ophyd_async(refresh: ModuleType) -> None:
    recorded = json.loads(refresh.TABLE.read_text())
    seen = json.loads(json.dumps(refresh.describe()))
    del recorded["ophyd_async"], seen["ophyd_async"]
    assert recorded == seen, "run: python scripts/refresh_shipped.py"


def test_the_table_is_laid_out_as_the_script_does(refresh: ModuleType) -> None:
    text = refresh.TABLE.read_text()
    assert refresh.text(json.loads(text)) == text


def test_every_path_is_public() -> None:
    for path in shipped_paths():
        module, _, name = path.rpartition(".")
        assert not any(part.startswith("_") for part in path.split("."))
        assert name in import_module(module).__all__


def test_inherited_signals_follow_the_method_resolution_order() -> None:
    hdf = shipped_class(f"{AD}.NDFileHDF5IO")
    assert hdf is not None
    assert hdf.lineage[0] == f"{AD}.NDPluginFileIO"
    assert hdf.signals["array_size0"].read == "ArraySize0"
    assert hdf.signals["enable_callbacks"].enum == "ophyd_async.core.EnableDisable"
    assert hdf.signals["capture"].wait == "non_zero"
    assert "swmr_mode" in hdf.own
    assert "file_path" not in hdf.own


def test_enums_have_their_states() -> None:
    data_type = shipped_enum(f"{AD}.ADBaseDataType")
    assert data_type is not None
    assert data_type.kind == "superset"
    assert data_type.members["UNDEFINED"] == ""
    assert shipped_enum("cheese") is None


def test_vectors_know_their_entries() -> None:
    regions = shipped_class(f"{AD}.NDROIStatIO")
    assert regions is not None
    assert regions.vectors["channels"].entry == f"{AD}.NDROIStatNIO"
    assert regions.vectors["channels"].suffix == "{}:"


def test_the_motor_is_found_by_looking_at_an_instance() -> None:
    motor = shipped_class("ophyd_async.epics.motor.Motor")
    assert motor is not None
    assert motor.signals["user_readback"].read == ".RBV"
    assert (motor.signals["motor_stop"].kind, motor.signals["motor_stop"].wait) == ("SignalW", "False")
    assert motor.templates == ()


@pytest.mark.parametrize(
    ("templates", "names"),
    [
        ("simDetector ADBase NDArrayBase", ["ADBaseIO"]),
        ("NDFileTIFF NDFile NDPluginBase NDArrayBase", ["NDPluginFileIO"]),
        ("NDFileHDF5 NDFile NDPluginBase NDArrayBase", ["NDFileHDF5IO"]),
        ("NDProcess NDPluginBase NDArrayBase", ["NDPluginBaseIO"]),
        ("NDStats NDPluginBase NDArrayBase", ["NDStatsIO"]),
        ("aravisCamera ADGenICam ADBase NDArrayBase", ["AravisDriverIO"]),
        ("NDFile", []),
        ("slits motor", []),
    ],
)
def test_templates_lead_to_the_most_specific_class(templates: str, names: list[str]) -> None:
    found = classes_for_templates([f"{name}.template" for name in templates.split()])
    assert [shipped.path.rpartition(".")[2] for shipped in found] == names


def records_of(corpus: Path, template: str, seen: set[str]) -> dict[str, str]:
    """Give record type by suffix, for a template and all it includes."""
    found = sorted(corpus.rglob(template))
    if template in seen or not found:
        return {}
    seen.add(template)
    records: dict[str, str] = {}
    source = Source(found[0], template, found[0].read_text())
    for item in parse_database(source, Problems()).items:
        match item:
            case Include():
                records |= records_of(corpus, item.file, seen)
            case Record():
                records[item.name.removeprefix("$(P)$(R)")] = item.type
            case _:
                pass
    return records


def test_shipped_signals_stand_in_the_templates_they_mirror(corpus: Path) -> None:
    checked = 0
    for path in shipped_paths():
        shipped = shipped_class(path)
        assert shipped is not None
        seen: set[str] = set()
        records = {name: kind for part in shipped.templates for name, kind in records_of(corpus, part, seen).items()}
        if not seen:
            continue
        suffixes = {suffix for signal in shipped.signals.values() for suffix in (signal.read, signal.write)}
        assert suffixes <= records.keys(), path
        checked += 1
    if not checked:
        pytest.skip("the templates of ADCore are not among the public databases")
    assert checked >= 11


def test_names_that_no_attribute_may_take() -> None:
    assert {
        "name",
        "connect",
        "children",
        "parent",
        "read",
        "set",
        "trigger",
        "hints",
        "add_readables",
    } < device_members()
    motor = shipped_class("ophyd_async.epics.motor.Motor")
    assert motor is not None
    assert {"movable_logic", "subscribe_reading", "velocity", "connect"} < motor.members
    assert "movable_logic" not in device_members()


def test_what_is_not_known() -> None:
    assert shipped_class("ophyd_async.epics.cheese.Cheese") is None
    assert ophyd_async_version().startswith("0.21")


def test_blocks_of_a_panda_have_their_signals_and_the_types_of_those() -> None:
    blocks = shipped_blocks()
    assert set(blocks) == {"data", "inenc", "pcap", "pcomp", "pulse", "seq"}
    seq = blocks["seq"]
    assert seq.path == "ophyd_async.fastcs.panda.SeqBlock"
    assert seq.signals["active"] == ("SignalR", "bool")
    assert seq.signals["table"] == ("SignalRW", "ophyd_async.fastcs.panda.SeqTable")
    columns = shipped_tables()["ophyd_async.fastcs.panda.SeqTable"]
    assert list(columns)[:3] == ["repeats", "trigger", "position"]
    assert (columns["repeats"], columns["outf2"]) == ("uint16[]", "bool[]")
    trigger = shipped_enum(columns["trigger"].removesuffix("[]"))
    assert trigger is not None
    assert trigger.members["BITA_0"] == "BITA=0"
    mux = shipped_enum(seq.signals["enable"][1])
    assert mux is not None
    assert mux.kind == "subset"


def test_names_that_no_block_of_a_panda_and_no_column_may_take() -> None:
    assert {"table_flyer", "add_detector_logics", "name"} < panda_members()
    assert {"copy", "model_dump", "empty"} < table_members()
    assert "name" not in table_members()
