"""What is slow to import is imported when a factory that names it makes its device, or is asked for its types."""

from __future__ import annotations

import inspect
import sys
import threading
import typing
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from bluesky import RunEngine
from ophyd_async.core import Device

from beamwright_runtime import Beamline, get_device_factories

SLOW = """
import threading
from ophyd_async.core import Device

THREAD = threading.get_ident()

class Box(Device):
    pass

class Rig(Device):
    pass
"""

BEAMLINE = """
from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from ophyd_async.core import Device, DeviceVector
from beamwright_runtime import Beamline

if TYPE_CHECKING:
    from slow_boxes import Box, Gone, Rig
    from slow_nowhere import Absent

devices = Beamline(
    "late", late={"Box": "slow_boxes", "Rig": "slow_boxes", "Gone": "slow_boxes", "Absent": "slow_nowhere"}
)

@devices.factory()
def plain() -> Device:
    return Device()

@devices.factory()
def box() -> Box:
    return Box()

@devices.factory()
def boxes() -> Device:
    return DeviceVector({number: Box() for number in (1, 2)})

def pair() -> DeviceVector[Box]:
    return DeviceVector({1: Box(), 2: twin()})

def twin() -> Box:
    return Box() if twin else pair()[1]

@devices.factory()
def pairs() -> Device:
    return pair()

@devices.factory()
def around(box: Box) -> Device:
    return Device(name=box.name)

def twice(function):
    @wraps(function)
    def called():
        function()
        return function()
    return called

@devices.factory()
@twice
def rig() -> Rig:
    return Rig()

@devices.factory()
def gone() -> Gone:
    return Gone()

@devices.factory()
def absent() -> Absent:
    return Absent()
"""


@pytest.fixture
def beamline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A beamline whose boxes are slow to import."""
    (tmp_path / "slow_boxes.py").write_text(SLOW)
    (tmp_path / "late_beamline.py").write_text(BEAMLINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module("late_beamline")
    for name in ("late_beamline", "slow_boxes"):
        sys.modules.pop(name, None)


def is_loaded() -> bool:
    return "slow_boxes" in sys.modules


def test_a_beamline_is_listed_without_its_slow_modules(beamline: ModuleType) -> None:
    names = ["plain", "box", "boxes", "pairs", "around", "rig", "gone", "absent"]
    assert [factory.name for factory in get_device_factories(beamline)] == names
    assert set(beamline.devices.states) == set(names)
    assert "8 not asked for" in beamline.devices.summary()
    assert beamline.plain() is beamline.plain.device
    assert not is_loaded()


@pytest.mark.parametrize("name", ["box", "boxes", "pairs", "rig"])
def test_a_device_is_made_of_what_its_function_names(beamline: ModuleType, name: str) -> None:
    made = getattr(beamline, name)()
    assert is_loaded()
    members = made.values() if name in ("boxes", "pairs") else [made]
    assert {type(member).__module__ for member in members} == {"slow_boxes"}


def test_a_function_gets_only_the_names_that_it_uses(beamline: ModuleType) -> None:
    beamline.box()
    assert beamline.Box is sys.modules["slow_boxes"].Box
    assert not hasattr(beamline, "Rig")


def test_types_are_known_before_anything_is_made(beamline: ModuleType) -> None:
    hints = typing.get_type_hints(beamline.around)
    box = sys.modules["slow_boxes"].Box
    assert hints == {"box": box, "return": Device}
    assert inspect.signature(beamline.around, eval_str=True).parameters["box"].annotation is box
    assert inspect.get_annotations(beamline.box, eval_str=True) == {"return": box}
    assert typing.get_type_hints(beamline.rig) == {"return": sys.modules["slow_boxes"].Rig}


def test_a_device_that_stands_for_another_needs_no_import(beamline: ModuleType) -> None:
    beamline.devices.fixtures["box"] = Device()
    assert beamline.box() is beamline.devices.fixtures["box"]
    assert not is_loaded()


async def test_imports_do_not_hold_up_the_event_loop(beamline: ModuleType) -> None:
    await beamline.box.connect(mock=True)
    assert threading.get_ident() != sys.modules["slow_boxes"].THREAD


async def test_a_stand_in_is_connected_without_the_import(beamline: ModuleType) -> None:
    beamline.devices.fixtures["box"] = Device()
    await beamline.box.connect(mock=True)
    assert not is_loaded()


def test_a_name_that_the_module_has_stays(beamline: ModuleType) -> None:
    vars(beamline)["Box"] = Device
    assert type(beamline.box()) is Device
    assert not is_loaded()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", r"gone\(\) needs Gone, which is late from slow_boxes: module 'slow_boxes' has no attribute 'Gone'"),
        ("absent", r"absent\(\) needs Absent, which is late from slow_nowhere: No module named 'slow_nowhere'"),
    ],
)
def test_what_cannot_be_imported_is_said(beamline: ModuleType, name: str, message: str) -> None:
    with pytest.raises(ImportError, match=message):
        getattr(beamline, name)()
    with pytest.raises(ImportError, match=message):
        inspect.signature(getattr(beamline, name))


def test_a_beamline_starts_without_what_cannot_be_imported(beamline: ModuleType, run_engine: RunEngine) -> None:
    result = beamline.devices.build_and_connect(mock=True)
    assert set(result.devices) == {"plain", "box", "boxes", "pairs", "around", "rig"}
    assert set(result.build_errors) == {"gone", "absent"}


def test_the_modules_of_late_names_are_those_that_were_given() -> None:
    late = {"Box": "slow_boxes"}
    beamline = Beamline("late", late=late)
    late.clear()
    assert dict(beamline.late) == {"Box": "slow_boxes"}
