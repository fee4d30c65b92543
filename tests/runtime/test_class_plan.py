"""Children made by plan are what ophyd-async's constructors make."""

from __future__ import annotations

from typing import Annotated

import pytest
from ophyd_async.core import SignalR, SignalRW, SignalW, TriggerableCommand
from ophyd_async.epics.core import EpicsDevice, PvSuffix

from beamwright_runtime import RecordDevice
from beamwright_runtime._ca_backends import CaBackend, CaCommand


class Sample(RecordDevice):
    reading: Annotated[SignalR[float], PvSuffix("R")]
    setting: Annotated[SignalRW[float], PvSuffix.rbv("S")]
    target: Annotated[SignalW[float], PvSuffix("T")]
    go: Annotated[TriggerableCommand, PvSuffix("G")]


class Theirs(EpicsDevice):
    reading: Annotated[SignalR[float], PvSuffix("R")]
    setting: Annotated[SignalRW[float], PvSuffix.rbv("S")]
    target: Annotated[SignalW[float], PvSuffix("T")]
    go: Annotated[TriggerableCommand, PvSuffix("G")]


@pytest.mark.parametrize("attribute", ["reading", "setting", "target", "go"])
def test_a_planned_child_has_what_a_constructed_one_has(attribute: str) -> None:
    planned = getattr(Sample("X:", "sample"), attribute)
    constructed = getattr(Theirs("X:", name="sample"), attribute)
    assert type(planned) is type(constructed)
    assert vars(planned).keys() >= vars(constructed).keys() - {"_child_name_separator", "_child_devices"}
    assert (planned.name, planned.source, planned._timeout) == (
        constructed.name,
        constructed.source,
        constructed._timeout,
    )
    assert type(planned._connector) is type(constructed._connector)


def test_names_follow_the_device() -> None:
    device = Sample("X:")
    assert device.go.name == ""
    device.set_name("b", child_name_separator="_")
    assert [child.name for _, child in device.children()] == ["b_reading", "b_setting", "b_target", "b_go"]
    assert device.setting.log.extra == {"ophyd_async_device_name": "b_setting"}
    device.set_name("c")
    assert device.setting.name == "c_setting"
    assert device.setting.log.extra == {"ophyd_async_device_name": "c_setting"}


def test_a_child_keeps_its_parent() -> None:
    device = Sample("X:")
    assert device.go.parent is device
    with pytest.raises(TypeError, match="already a child"):
        Sample("Y:").extra = device.go


def test_backends_start_with_what_connecting_sets_and_no_more() -> None:
    connected = {"_channels", "watches", "conversion", "status"}
    assert set(vars(CaBackend(float, "a", "b"))) == {"datatype", "read_pv", "write_pv"} | connected
    assert set(vars(CaCommand("a"))) == {"write_pv"} | connected - {"conversion"}
