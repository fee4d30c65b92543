"""Children made by plan are what ophyd-async's constructors make, each of the type that its own attribute says."""

from __future__ import annotations

from typing import Annotated

import pytest
from ophyd_async.core import Command, SignalR, SignalRW, SignalW, TriggerableCommand
from ophyd_async.epics.core import EpicsDevice, PvSuffix

from beamwright_runtime import Motor, MotorDirection, RecordDevice
from beamwright_runtime.signals.ca_backend import CaBackend, CaCommand
from tests.live.runtime.compared import Strict


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


class Underscored(RecordDevice):
    """What is generated where the template of a record has further records that are called like its fields."""

    state: Annotated[SignalRW[Strict], PvSuffix("Enum")]
    state_: Annotated[SignalRW[int], PvSuffix("Int")]
    text_: Annotated[SignalR[str], PvSuffix("Text")]
    text: Annotated[SignalR[float], PvSuffix("Float")]
    limit_: Annotated[SignalRW[float], PvSuffix("Float")]
    go: Annotated[TriggerableCommand, PvSuffix("Bool")]
    go_: Annotated[SignalRW[bool], PvSuffix("Bool")]


class DrivenMotor(Motor):
    """A motor with the records of its controller beside it, as synApps' asyn motors have them."""

    direction_: Annotated[SignalRW[int], PvSuffix("Direction")]
    offset_: Annotated[SignalRW[int], PvSuffix("Offset")]


class Refused(RecordDevice):
    go: Annotated[Command[[int], None], PvSuffix("G")]
    go_: Annotated[TriggerableCommand, PvSuffix("H")]


TYPES = {"state": Strict, "state_": int, "text_": str, "text": float, "limit_": float, "go_": bool}


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
    connected = {"channels", "watches", "conversion", "status"}
    assert set(vars(CaBackend(float, "a", "b"))) == {"datatype", "read_pv", "write_pv"} | connected
    assert set(vars(CaCommand("a"))) == {"write_pv"} | connected - {"conversion"}


def test_a_type_never_comes_from_another_attribute() -> None:
    device = Underscored("S:", "device")
    assert {name: getattr(device, name).datatype for name in TYPES} == TYPES
    motor = DrivenMotor("M", "motor")
    assert (motor.direction.datatype, motor.direction_.datatype) == (MotorDirection, int)
    assert (motor.offset.datatype, motor.offset_.datatype) == (float, int)


def test_a_command_with_values_is_refused_beside_one_of_nearly_its_name() -> None:
    with pytest.raises(TypeError, match="takes no arguments"):
        Refused("S:")


async def test_attributes_with_an_underscore_keep_their_types_in_mock_mode() -> None:
    motor = DrivenMotor("M", "motor")
    await motor.connect(mock=True)
    await motor.direction.set(MotorDirection.NEGATIVE)
    await motor.direction_.set(7)
    assert await motor.direction.get_value() is MotorDirection.NEGATIVE
    assert await motor.direction_.get_value() == 7
    device = Underscored("S:", "device")
    await device.connect(mock=True)
    for name, datatype in TYPES.items():
        assert isinstance(await getattr(device, name).get_value(), datatype), name
