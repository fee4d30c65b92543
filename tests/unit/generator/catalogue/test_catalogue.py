"""A catalogue says what the generated devices are: the same signals on the same PVs, with their words and places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ophyd_async.core import Command, Device, Signal, StaticFilenameProvider, StaticPathProvider

from beamwright_generator.catalogue.assembly import read_catalogue
from beamwright_generator.catalogue.entries import Catalogue, CatalogueEntry, SignalRow, Unit
from beamwright_generator.model import Detector
from beamwright_generator.problems import Problems
from tests.helpers.own_module import own_module
from tests.helpers.paths import GOLDEN


def catalogue(file: Path) -> Catalogue:
    found = read_catalogue(file, Problems(), lambda done, total: None)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def example(repository: Path) -> Catalogue:
    return catalogue(repository / "examples" / "x01" / "beamline.yaml")


def unit(found: Catalogue, name: str, attribute: str = "") -> Unit:
    entry = next(entry for entry in found.entries if entry.placed.place.name == name)
    return next(unit for unit in entry.units if unit.attribute == attribute)


def row(of: Unit, attribute: str) -> SignalRow:
    return next(row for row in of.kind.rows if row.attribute == attribute)


def signals(device: Device, path: str = "") -> Iterator[tuple[str, str]]:
    for name, child in device.children():
        if isinstance(child, Signal | Command):
            yield path + name, child.source.removeprefix("mock+")
        else:
            yield from signals(child, f"{path}{name}.")


def catalogued(entry: CatalogueEntry) -> Iterator[tuple[str, str]]:
    for one in entry.units:
        for row in one.kind.rows:
            path = f"{one.attribute}.{row.attribute}" if one.attribute else row.attribute
            yield path, f"{one.protocol}://{one.prefix}{row.read}"


async def test_every_signal_of_every_device_is_listed_with_its_pv(
    example: Catalogue,
) -> None:
    x01 = own_module("beamwright_generated.beamlines.x01")
    x01.devices.fixtures["path_provider"] = StaticPathProvider(StaticFilenameProvider("shown"), Path("/data"))
    made = {factory.name: factory() for factory in x01.devices}
    assert list(made) == [entry.placed.place.name for entry in example.entries]
    for entry in example.entries:
        device = made[entry.placed.place.name]
        await device.connect(mock=True)
        wanted = dict(signals(device))
        assert {path: pv for path, pv in catalogued(entry) if path in wanted} == wanted
        assert {path for path, _ in catalogued(entry)} == wanted.keys()


def test_words_units_and_places_come_from_the_records(example: Catalogue) -> None:
    gauge = unit(example, "va_gauge_02")
    pressure = row(gauge, "pressure")
    assert (pressure.record, pressure.access, pressure.datatype) == ("ai", "SignalR", "float")
    assert str(pressure.at) == "examples/x01/ioc/vacuum/gauge.template:7:1"
    assert gauge.words[gauge.kind.rows.index(pressure)] == ("Pressure at the monochromator", "mbar")
    assert str(gauge.at) == "examples/x01/ioc/vacuum/vacuum.substitutions:7:1"
    assert row(gauge, "cathode").choices == ("Off", "On")


def test_fields_of_a_motor_have_its_units_where_they_are_positions(example: Catalogue) -> None:
    stage = unit(example, "stage_x")
    words = {row.attribute: stage.words.get(number, (row.doc, row.units)) for number, row in enumerate(stage.kind.rows)}
    assert words["user_readback"] == ("Sample stage, horizontal", "mm")
    assert words["velocity"] == ("", "")
    assert words["steps_per_revolution"] == ("", "")


def test_what_classes_inherit_from_ophyd_async_is_found_in_the_database(example: Catalogue) -> None:
    driver = unit(example, "camera", "driver")
    acquire_time = row(driver, "acquire_time")
    assert (acquire_time.read, acquire_time.write, acquire_time.record) == ("AcquireTime_RBV", "AcquireTime", "ao")
    assert str(acquire_time.at).startswith("examples/x01/ioc/camera/ADBase.template:")
    assert driver.kind.lineage == ("ADBaseCommon", "NDArrayBaseCommon", "ADBaseIO", "NDArrayBaseIO")


def test_frames_go_from_port_to_port(example: Catalogue) -> None:
    placed = next(entry.placed for entry in example.entries if isinstance(entry.placed, Detector))
    assert placed.frames == (("driver", "hdf5"), ("driver", "stat"), ("driver", "roi"))


def test_frames_go_through_plugins() -> None:
    placed = next(e.placed for e in catalogue(GOLDEN / "area_detector" / "beamline.yaml").entries)
    assert isinstance(placed, Detector)
    assert placed.frames == (("driver", "roi"), ("driver", "hdf5"), ("roi", "stat"))


def test_what_was_observed_stands_beside_what_is_described() -> None:
    found = catalogue(GOLDEN / "observed_states" / "beamline.yaml")
    assert [(ioc.name, ioc.observed, ioc.answered) for ioc in found.iocs] == [("DEMO-EA-IOC-01", 20, True)]
    camera = unit(found, "cam_02")
    observed = {camera.kind.rows[number].attribute: text for number, text in camera.observed.items()}
    assert observed == {
        "trigger_mode": "Internal, Rising edge, Falling edge",
        "filter": "Out, Al, (blank), Cu",
        "stage_record": "In, Out",
        "number": "LONG",
        "shutter": "Closed, Open",
        "fan": "Off, On",
        "gain": "Low, High, Saturated",
        "binning": "1x1, 4x4",
    }


def test_devices_of_a_vector_have_the_macros_of_each() -> None:
    found = catalogue(GOLDEN / "numbered_instances" / "beamline.yaml")
    (entry,) = found.entries
    assert entry.type == "DeviceVector[Channel]"
    units = [(one.attribute, dict(one.arguments), one.prefix) for one in entry.units]
    assert units == [(number, {"N": number}, "DEMO-DI-ADC-01:") for number in ("1", "2", "10")]


def test_problems_come_along(example: Catalogue) -> None:
    assert [problem.code for problem in example.problems] == ["base-split", "base-split", *["name-collision"] * 3]
