"""Identifiers from the names of the field."""

from __future__ import annotations

import ast
import keyword
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamwright_generator.resolve.naming.identifiers import (
    IMPORTED,
    IMPORTED_FOR_SNAPSHOTS,
    Names,
    class_name,
    enum_member,
    pascal,
    snake,
)


@pytest.mark.parametrize(
    ("record", "attribute"),
    [
        ("ADCoreVersion", "ad_core_version"),
        ("TSAcquiring", "ts_acquiring"),
        ("ROI1MinX", "roi1_min_x"),
        ("HDF5_file", "hdf5_file"),
        ("NDArrayPort", "nd_array_port"),
        ("NDROIStat8", "nd_roi_stat8"),
        ("SWMRMode", "swmr_mode"),
        ("XMLFileName", "xml_file_name"),
        ("SDKVersion", "sdk_version"),
        ("BL01X", "bl01x"),
        ("T1", "t1"),
        ("CH1:VALUE", "ch1_value"),
        ("a-b.c;d", "a_b_c_d"),
        ("class", "class_"),
        ("None", "none"),
        ("1st", "n1_st"),
        ("", ""),
        ("_", ""),
        ("µm", "um"),
        ("Å", "a"),
        ("日本", ""),
        ("İ", "i"),
    ],
)
def test_snake(record: str, attribute: str) -> None:
    assert snake(record) == attribute


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("NDFileHDF5", "NDFileHDF5"),
        ("simDetector", "SimDetector"),
        ("2d-stage", "N2dStage"),
        ("none", "None_"),
        ("true", "True_"),
        ("ADBase", "ADBase"),
        ("asyn_motor", "AsynMotor"),
        ("a_b", "AB"),
        ("PUMP", "PUMP"),
        ("µm", "Um"),
        ("日本", ""),
        ("machine FE01-VA-GAUGE-01", "MachineFe01VaGauge01"),
        ("NDStats global", "NDStatsGlobal"),
    ],
)
def test_the_class_of_a_template_keeps_its_capitals(template: str, name: str) -> None:
    assert class_name(template) == name


def test_pascal() -> None:
    assert pascal("color_mode") == "ColorMode"
    assert pascal("nd_attributes_status") == "NdAttributesStatus"


@pytest.mark.parametrize(
    ("state", "member"),
    [
        ("Offset&Noise", "OFFSET_NOISE"),
        ("10 %", "N10_PERCENT"),
        ("-1", "MINUS_1"),
        ("+1", "PLUS_1"),
        ("a-b", "A_B"),
        ("<5", "LESS_5"),
        ("", "BLANK"),
        ("  ", "BLANK"),
        ("&", "U0026"),
        ("mro", "MRO_"),
        ("日", "U65E5"),
        ("None", "NONE"),
        ("name", "NAME"),
        ("*", "STAR"),
    ],
)
def test_enum_member(state: str, member: str) -> None:
    assert enum_member(state) == member


@given(st.text(max_size=20))
def test_every_text_gives_an_identifier_or_nothing(text: str) -> None:
    for name in (snake(text), pascal(text)):
        assert not name or (name.isidentifier() and name.isascii() and not keyword.iskeyword(name))
    member = enum_member(text)
    assert member.isidentifier()
    assert not keyword.iskeyword(member)
    assert not member.startswith("_"), "enum.Enum takes such a name for its own"


@given(st.lists(st.sampled_from(["a", "a_2", "a_3", "b", "read", "read_"]), max_size=12))
def test_names_are_given_out_once(wanted: list[str]) -> None:
    names = Names(reserved={"read"})
    given_out = [names.take(name) for name in wanted]
    assert len(set(given_out)) == len(given_out)
    assert "read" not in given_out
    for name, got in zip(wanted, given_out, strict=True):
        assert got.startswith(name.rstrip("_"))
        assert not got.endswith("__")


def test_the_first_keeps_the_plain_name() -> None:
    names = Names(reserved={"read"}, taken=["x"])
    assert [names.take(name) for name in ("a", "a", "a", "read", "read", "x")] == [
        "a",
        "a_2",
        "a_3",
        "read_",
        "read_2",
        "x_2",
    ]
    assert "a_2" in names
    assert "read" in names
    assert "b" not in names
    assert Names(taken=["Pump"], joint="").take("Pump") == "Pump2"


def test_a_reserved_name_says_what_is_named() -> None:
    names = Names(reserved={"read", "stop"}, what="record")
    assert names.allowed("read") == "read_record"
    assert "read" not in names
    assert [names.take(name) for name in ("read", "read", "read_record", "gain", names.keep("name_"))] == [
        "read_record",
        "read_record_2",
        "read_record_3",
        "gain",
        "name_2",
    ]
    assert "read" in names
    assert names.take("stop_") == "stop_", "a site may choose such a name"


@pytest.mark.parametrize(
    ("cases", "kept", "more"),
    [("[!s]*", IMPORTED, {"non_zero"}), ("snapshot_*", IMPORTED_FOR_SNAPSHOTS, {"non_zero", "panda"})],
)
def test_every_name_that_generated_modules_import_is_kept_free(
    repository: Path, cases: str, kept: frozenset[str], more: set[str]
) -> None:
    imported = set()
    for file in (repository / "tests/golden").glob(f"{cases}/expected/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] != "beamwright_generated":
                imported |= {a.asname or a.name for a in node.names if str(node.module) != "ophyd_async.epics.adcore"}
    classes = {name for name in imported if name[0].isupper()}
    assert len(classes) > 15
    assert classes <= kept
    assert imported - classes <= {"annotations", *more}
