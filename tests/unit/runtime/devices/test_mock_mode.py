"""Devices of ours without hardware are what ophyd-async's are, seen with its own tools."""

from __future__ import annotations

from typing import Annotated, Any
from unittest.mock import call

import pytest
from bluesky.protocols import Reading
from ophyd_async.core import (
    DeviceMock,
    SignalR,
    SignalRW,
    StandardReadable,
    StrictEnum,
    TriggerableCommand,
    callback_on_mock_put,
    get_mock,
    get_mock_put,
    init_devices,
    mock_puts_blocked,
    set_mock_value,
    set_mock_values,
)
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics.core import EpicsDevice, PvSuffix

from beamwright_runtime import RecordDevice


class Mode(StrictEnum):
    ONE = "One"
    TWO = "Two"


class Theirs(EpicsDevice, StandardReadable):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain"), Format.HINTED_SIGNAL]
    mode: Annotated[SignalRW[Mode], PvSuffix("Mode"), Format.CONFIG_SIGNAL]
    count: Annotated[SignalR[int], PvSuffix("Count")]
    reset: Annotated[TriggerableCommand, PvSuffix("Reset")]


class Ours(RecordDevice, StandardReadable):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain"), Format.HINTED_SIGNAL]
    mode: Annotated[SignalRW[Mode], PvSuffix("Mode"), Format.CONFIG_SIGNAL]
    count: Annotated[SignalR[int], PvSuffix("Count")]
    reset: Annotated[TriggerableCommand, PvSuffix("Reset")]


def plain(readings: dict[str, Reading[Any]]) -> dict[str, Any]:
    """Give readings without their times."""
    return {name: (reading["value"], reading["alarm_severity"]) for name, reading in readings.items()}


async def seen(make: type[Ours] | type[Theirs], protocol: str) -> dict[str, Any]:
    """Give all that ophyd-async's tools tell of a device without hardware."""
    async with init_devices(mock=True):
        device = make(f"{protocol}ABSENT:", name="device")
    told: list[Any] = []
    first = {
        "sources": [device.gain.source, device.count.source, device.reset.source],
        "read": plain(await device.read()),
        "configuration": plain(await device.read_configuration()),
        "described": [await device.describe(), await device.describe_configuration()],
        "locates": await device.gain.locate(),
    }
    callback_on_mock_put(device.gain, lambda value: told.append(value))
    await device.gain.set(2.5)
    await device.mode.set(Mode.TWO)
    set_mock_value(device.count, 5)
    for value in set_mock_values(device.gain, [3.5, 4.5]):
        told.append(value)
    await device.reset.trigger()
    with mock_puts_blocked(device.mode):
        blocked = device.mode.set(Mode.ONE)
        first["blocked"] = blocked.done
    await blocked
    get_mock_put(device.gain).assert_called_once_with(2.5)
    values = plain(await device.read()) | {"count": await device.count.get_value()}
    await device.connect(mock=True)
    return first | {
        "told": told,
        "values": values,
        "calls": [each for each in get_mock(device).mock_calls if each != call.__bool__()],
        "again": await device.count.get_value(),
    }


@pytest.mark.parametrize("protocol", ["ca://", "pva://"])
async def test_mock_mode_is_that_of_ophyd_async(protocol: str) -> None:
    ours = await seen(Ours, protocol)
    assert ours == await seen(Theirs, protocol)
    assert ours["told"] == [2.5, 3.5, 4.5]
    assert ours["values"]["device-gain"][0] == 4.5
    assert call.gain.put(2.5) in ours["calls"]
    assert ours["blocked"] is False


async def test_a_mock_of_one_s_own_is_taken() -> None:
    device, mock = Ours("ABSENT:", "device"), DeviceMock()
    await device.connect(mock=mock)
    assert device._mock is mock
    await device.gain.set(1.5)
    get_mock_put(device.gain).assert_called_once_with(1.5)
