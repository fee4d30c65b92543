"""One outline shows all devices that are missing, in few lines however many they are."""

from __future__ import annotations

import asyncio
import pickle
from typing import Annotated

import pytest
from bluesky import RunEngine
from ophyd_async.core import Device, DeviceVector, SignalR, SignalRW, StandardReadable
from ophyd_async.epics.core import EpicsDevice, PvSuffix

from beamwright_runtime import Beamline, ConnectionFailedError, Policy, Reason, RecordDevice
from beamwright_runtime.plans import ensure_connected
from tests.helpers.softioc import SoftIoc


class Gauge(RecordDevice):
    number: Annotated[SignalR[float], PvSuffix("Number")]


class Amplifier(RecordDevice):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    resets: Annotated[SignalR[int], PvSuffix("Resets")]
    text: Annotated[SignalR[float], PvSuffix("Text")]


class Foreign(EpicsDevice):
    number: Annotated[SignalR[float], PvSuffix("Number")]


class Gauges(StandardReadable):
    def __init__(self) -> None:
        self.first = Gauge("T:")
        self.vector = DeviceVector({1: Gauge("ABSENT:1:")})
        super().__init__()


TIMEOUTS = {False: 30.0, True: 0.3}
"""Seconds for a device that is there, also with wrong types, and for one that is absent."""


def place(
    beamline: Beamline, name: str, device: Device, *, optional: bool = False, ioc: str = "", timeout: float = 0.0
) -> None:
    """Have a beamline make a device.

    :param timeout: of its connection, where that is not told by its prefix.
    """
    timeout = timeout or TIMEOUTS["ABSENT" in getattr(device, "prefix", "")]

    def make() -> Device:
        return device

    make.__name__ = name
    beamline.factory(policy=Policy.EAGER, optional=optional, timeout=timeout, ioc=ioc)(make)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_beamline_shows_its_missing_devices_in_one_outline(live: SoftIoc) -> None:
    x01 = Beamline("x01")
    place(x01, "stage_x", Gauge("ABSENT-MO-01:X:"))
    place(x01, "stage_y", Amplifier("ABSENT-MO-01:Y:"), optional=True)
    place(x01, "gauge", Gauge("T:"))
    place(x01, "slits", Amplifier("T:"))
    place(x01, "gauges", Gauges(), timeout=3.0)
    place(x01, "camera", Amplifier("ABSENT-EA-01:CAM:"))
    result = await asyncio.wrap_future(x01.start())
    failure = result.failure
    assert failure is not None
    first, *lines = str(failure).splitlines()
    assert first.startswith("x01: 1 of 6 devices connected in ")
    assert first.endswith(" (5 of 16 PVs)")
    assert lines == [
        "  stage_x, stage_y (optional): ABSENT-MO-01 does not answer: 5 PVs never found"
        " (ca://ABSENT-MO-01:X:Number ...)",
        "  slits",
        "    text: wrong type: declared float, served str (ca://T:Text)",
        "  gauges",
        "    vector.1.number: never found (ca://ABSENT:1:Number)",
        "  camera: ABSENT-EA-01:CAM does not answer: 4 PVs never found (ca://ABSENT-EA-01:CAM:Gain_RBV ...)",
    ]
    assert failure.sub_errors == result.connection_errors
    wrong = [problem for problem in failure.problems if problem.reason is Reason.WRONG_TYPE]
    assert [(problem.device, problem.signal) for problem in wrong] == [("slits", "text")]
    with pytest.raises(ConnectionFailedError, match="stage_x, stage_y"):
        result.or_raise()
    again = pickle.loads(pickle.dumps(failure))
    assert (str(again), again.problems) == (str(failure), failure.problems)


@pytest.mark.asyncio(loop_scope="session")
async def test_an_ioc_of_which_nothing_answers_is_named(live: SoftIoc) -> None:
    x01 = Beamline("x01")
    place(x01, "camera", Amplifier("ABSENT-EA-01:CAM:"), optional=True, ioc="BL01X-EA-IOC-01")
    place(x01, "stage_x", Gauge("ABSENT-MO-01:X:"), ioc="BL01X-MO-IOC-01")
    place(x01, "energy", Gauge("ABSENT-OP-01:E:"), ioc="BL01X-MO-IOC-01")
    place(x01, "gauge", Gauge("T:"), ioc="BL01X-VA-IOC-01")
    place(x01, "valve", Amplifier("ABSENT-VA-01:V:"), ioc="BL01X-VA-IOC-01")
    result = await asyncio.wrap_future(x01.start())
    assert str(result.failure).splitlines()[1:] == [
        "  camera (optional): BL01X-EA-IOC-01 does not answer: 4 PVs never found (ca://ABSENT-EA-01:CAM:Gain_RBV ...)",
        "  stage_x, energy: BL01X-MO-IOC-01 does not answer: 2 PVs never found (ca://ABSENT-MO-01:X:Number ...)",
        "  valve: ABSENT-VA-01:V does not answer: 4 PVs never found (ca://ABSENT-VA-01:V:Gain_RBV ...)",
    ]
    assert x01.summary().splitlines() == [
        "x01: 1 of 5 devices connected, 4 unhappy",
        *str(result.failure).splitlines()[1:],
    ]


@pytest.mark.usefixtures("servers")
def test_a_plan_that_needs_one_device_is_told_which_ioc_is_away(run_engine: RunEngine) -> None:
    x01 = Beamline("x01")
    place(x01, "camera", Amplifier("ABSENT-EA-01:CAM:"), ioc="BL01X-EA-IOC-01")
    with pytest.raises(ConnectionFailedError) as caught:
        run_engine(ensure_connected(x01.factories["camera"], timeout=0.3))
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("camera: 0 of 4 PVs connected in ")
    assert lines == ["  BL01X-EA-IOC-01 does not answer: 4 PVs never found (ca://ABSENT-EA-01:CAM:Gain_RBV ...)"]
    assert x01.states["camera"].error is caught.value.sub_errors["camera"]
    assert str(x01.states["camera"]) == f"unhappy, because {caught.value}"
    assert x01.summary().splitlines() == [
        "x01: 0 of 1 devices connected, 1 unhappy",
        "  camera: BL01X-EA-IOC-01 does not answer: 4 PVs never found (ca://ABSENT-EA-01:CAM:Gain_RBV ...)",
    ]


@pytest.mark.usefixtures("servers")
def test_a_plan_shows_its_missing_devices_in_one_outline(run_engine: RunEngine) -> None:
    devices = [Gauge("T:", "gauge"), Gauge("ABSENT:", "absent"), Foreign("ABSENT:2:", name="foreign")]
    with pytest.raises(ConnectionFailedError) as caught:
        run_engine(ensure_connected(*devices, timeout=3.0))
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("devices: 1 of 3 devices connected in ")
    assert lines == [
        "  absent",
        "    number: never found (ca://ABSENT:Number)",
        "  foreign",
        "    number: failed: ca://ABSENT:2:Number",
    ]
    assert [problem.device for problem in caught.value.problems] == ["absent", "foreign.number"]
    assert caught.value.sub_errors.keys() == {"absent", "foreign"}


@pytest.mark.asyncio(loop_scope="session")
async def test_a_prefix_of_which_something_answers_is_not_called_silent(live: SoftIoc) -> None:
    x01 = Beamline("x01")
    place(x01, "first", Gauge("T:ABSENT1:"))
    place(x01, "second", Gauge("T:ABSENT2:"))
    place(x01, "third", Gauge("T:"))
    result = await asyncio.wrap_future(x01.start())
    assert str(result.failure).splitlines()[1:] == [
        "  first",
        "    number: never found (ca://T:ABSENT1:Number)",
        "  second",
        "    number: never found (ca://T:ABSENT2:Number)",
    ]


@pytest.mark.asyncio(loop_scope="session")
async def test_an_outline_of_hundreds_of_devices_is_cut_and_its_data_are_not(live: SoftIoc) -> None:
    x01 = Beamline("x01")
    for number in range(150):
        place(x01, f"wrong{number}", Amplifier("T:"))
    for number in range(30):
        place(x01, f"silent{number}", Gauge(f"ABSENT-VA-01:{number}:"))
    result = await asyncio.wrap_future(x01.start())
    assert result.failure is not None
    lines = str(result.failure).splitlines()
    assert len(lines) == 201
    assert lines[-1] == "  ... and 102 lines more"
    assert len(result.failure.problems) == 180


@pytest.mark.asyncio(loop_scope="session")
async def test_many_silent_devices_are_one_line(live: SoftIoc) -> None:
    x01 = Beamline("x01")
    for number in range(30):
        place(x01, f"gauge{number}", Gauge(f"ABSENT-VA-01:{number}:"))
    result = await asyncio.wrap_future(x01.start())
    assert str(result.failure).splitlines()[1:] == [
        "  gauge0, gauge1, gauge2, gauge3, gauge4 and 25 more: ABSENT-VA-01 does not answer: 30 PVs never found"
        " (ca://ABSENT-VA-01:0:Number ...)"
    ]
