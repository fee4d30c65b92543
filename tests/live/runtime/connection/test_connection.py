"""Whole trees connect in one operation: shared, idempotent, with the reasons of what fails."""

from __future__ import annotations

import asyncio
import gc
from typing import Annotated

import pytest
from aioca import caput
from ophyd_async.core import (
    Device,
    DeviceVector,
    NotConnectedError,
    SignalR,
    SignalRW,
    StandardReadable,
    StrictEnum,
    SubsetEnum,
    TriggerableCommand,
    set_mock_value,
    soft_signal_rw,
)
from ophyd_async.epics.core import EpicsDevice, PvSuffix, epics_signal_r

from beamwright_runtime import (
    ConnectionFailedError,
    Reason,
    RecordDevice,
    connect_together,
    connect_tree,
    disconnect,
    is_connected,
)
from beamwright_runtime.channels.ca.pool import CaChannels
from beamwright_runtime.channels.pva.pool import PvaChannels
from tests.helpers.softioc import SoftIoc

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Modes(StrictEnum):
    FAST = "Fast"
    SLOW = "Slow"


class OtherModes(StrictEnum):
    FAST = "Fast"
    SLUGGISH = "Sluggish"


class Sine(SubsetEnum):
    SINE = "Sine"


class Part(RecordDevice):
    net: Annotated[SignalR[float], PvSuffix("Net")]


class Instrument(RecordDevice):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    other: Annotated[SignalRW[Modes], PvSuffix("Other")]
    resets: Annotated[SignalR[int], PvSuffix("Resets")]
    reset: Annotated[TriggerableCommand, PvSuffix("Reset")]
    one: Annotated[Part, PvSuffix("1:")]
    two: Annotated[Part, PvSuffix("2:")]


class Absent(RecordDevice):
    first: Annotated[SignalR[float], PvSuffix("ABSENT:First")]
    second: Annotated[SignalRW[float], PvSuffix.rbv("ABSENT:Second")]


class Wrong(RecordDevice):
    whole: Annotated[SignalR[int], PvSuffix("Number.HOPR")]
    other: Annotated[SignalRW[OtherModes], PvSuffix("Other")]
    gain: Annotated[TriggerableCommand, PvSuffix("Gain")]
    missing: Annotated[SignalR[float], PvSuffix("Missing")]
    text: Annotated[SignalR[float], PvSuffix("Text")]


async def settled_count(pool: CaChannels | PvaChannels) -> int:
    """Count open channels after those of earlier tests are closed."""
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0.001)
    return len(pool)


@pytest.fixture(params=["ca://", "pva://"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_tree_is_connected_and_stays_so(protocol: str, live: SoftIoc) -> None:
    pool = CaChannels.here() if protocol == "ca://" else PvaChannels.here()
    await settled_count(pool)  # channels of devices that earlier tests dropped close meanwhile
    device = Instrument(protocol + "T:", "instrument")
    await device.connect()
    channels = len(pool)
    for _ in range(3):
        await device.connect()
    assert len(pool) == channels
    assert await device.two.net.get_value() == 22
    assert is_connected(device)


@pytest.mark.parametrize("make", [DeviceVector, lambda children: Device()])
async def test_plain_groups_connect_what_is_in_them(make: type, protocol: str, live: SoftIoc) -> None:
    group = make({1: Part(protocol + "T:1:")})
    group.extra = Part(protocol + "T:2:")
    await connect_tree(group)
    assert await group.extra.net.get_value() == 22
    await group.connect()
    assert is_connected(group)


async def test_each_fault_is_told_with_its_reason(live: SoftIoc) -> None:
    device = Wrong("T:", "wrong")
    with pytest.raises(ConnectionFailedError) as failure:
        await device.connect(timeout=1)
    problems = {problem.signal: problem for problem in failure.value.problems}
    assert {name: problem.reason for name, problem in problems.items()} == {
        "other": Reason.CHOICES,
        "gain": Reason.WRONG_TYPE,
        "missing": Reason.NEVER_FOUND,
        "text": Reason.WRONG_TYPE,
    }
    assert problems["other"].fault.missing == ("Sluggish",)
    assert problems["other"].fault.extra == ("Slow",)
    assert (problems["gain"].fault.declared, problems["gain"].fault.served) == ("command", "float")
    assert problems["missing"].pv == "ca://T:Missing"
    lines = str(failure.value).splitlines()
    assert lines[0].startswith("wrong: 1 of 5 PVs connected in ")
    assert '  other: choices differ: missing "Sluggish", extra "Slow" (ca://T:Other)' in lines
    assert "  text: wrong type: declared float, served str (ca://T:Text)" in lines


async def test_wrong_types_are_told_before_the_timeout(live: SoftIoc) -> None:
    class Text(RecordDevice):
        text: Annotated[SignalR[float], PvSuffix("Text")]

    async with asyncio.timeout(30):
        with pytest.raises(ConnectionFailedError, match="declared float, served str"):
            await Text("T:").connect(timeout=1000)


async def test_several_devices_share_one_outline(live: SoftIoc) -> None:
    devices = {"good": Instrument("T:", "good"), "camera": Absent("T:", "camera"), "wrong": Wrong("T:", "wrong")}
    with pytest.raises(ConnectionFailedError) as failure:
        await connect_together(devices, "x01", timeout=0.5)
    lines = str(failure.value).splitlines()
    assert lines[0].startswith("x01: 1 of 3 devices connected in 0.")
    assert "  camera: T:ABSENT does not answer: 3 PVs never found (ca://T:ABSENT:First ...)" in lines
    assert "  wrong" in lines
    assert "    missing: never found (ca://T:Missing)" in lines
    assert {problem.device for problem in failure.value.problems} == {"camera", "wrong"}


async def test_callers_share_an_attempt_and_one_may_leave(protocol: str, mortal: SoftIoc, live: SoftIoc) -> None:
    class Late(RecordDevice):
        gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]

    device = Late(protocol + "M:")
    callers = [asyncio.create_task(device.connect(timeout=60)) for _ in range(5)]
    await asyncio.sleep(0)
    callers[0].cancel()
    mortal.start()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None] * 4
    await device.connect()
    await disconnect(device)


async def test_a_failure_is_tried_again(protocol: str, mortal: SoftIoc, live: SoftIoc) -> None:
    class Late(RecordDevice):
        count: Annotated[SignalRW[int], PvSuffix("Count")]

    device = Late(protocol + "M:")
    with pytest.raises(ConnectionFailedError, match="never found"):
        await device.connect(timeout=0.2)
    mortal.start()
    await device.connect(timeout=60)
    assert await device.count.get_value() == 7
    await disconnect(device)


async def test_each_caller_has_its_own_timeout(live: SoftIoc) -> None:
    device = Absent("T:")
    patient = asyncio.create_task(device.connect(timeout=60))
    with pytest.raises(ConnectionFailedError, match="never found"):
        await device.connect(timeout=0.1)
    assert not patient.done()
    patient.cancel()


async def test_forcing_asks_the_server_again(protocol: str, live: SoftIoc) -> None:
    class Changing(RecordDevice):
        changing: Annotated[SignalRW[Sine], PvSuffix("Changing")]

    device = Changing(protocol + "T:")
    await device.connect()
    await caput("T:Changing.TWST", "Sawtooth", wait=True)
    try:
        await device.connect()
        with pytest.raises(ConnectionFailedError, match='missing "Sine"'):
            await device.connect(force_reconnect=True)
        with pytest.raises(ConnectionFailedError, match='missing "Sine"'):
            await device.connect()
    finally:
        await caput("T:Changing.TWST", "Sine", wait=True)
    await device.connect()


class Foreign(EpicsDevice):
    net: Annotated[SignalR[float], PvSuffix("Net")]


class Mixed(StandardReadable):
    def __init__(self, prefix: str) -> None:
        with self.add_children_as_readables():
            self.own = Part("T:1:")
            self.foreign = Foreign("T:2:")
            self.signal = epics_signal_r(float, prefix)
            self.soft = soft_signal_rw(int, 3)
        super().__init__()


async def test_foreign_devices_connect_their_own_way(live: SoftIoc) -> None:
    mixed = Mixed("T:Number")
    await connect_tree(mixed)
    assert await mixed.own.net.get_value() == 11
    assert await mixed.foreign.net.get_value() == 22
    assert await mixed.signal.get_value() == 1
    assert await mixed.soft.get_value() == 3
    await connect_tree(mixed)


async def test_what_fails_in_a_foreign_device_is_named(live: SoftIoc) -> None:
    with pytest.raises(ConnectionFailedError) as failure:
        await connect_tree(Mixed("T:Missing"), timeout=0.5)
    (problem,) = failure.value.problems
    assert (problem.device, problem.reason) == ("signal", Reason.FAILED)
    assert "T:Missing" in problem.fault.detail


async def test_mock_and_real_follow_each_other(live: SoftIoc) -> None:
    device = Instrument("T:", "instrument")
    await device.connect(mock=True)
    set_mock_value(device.one.net, 5.0)
    assert await device.one.net.get_value() == 5
    await device.connect()
    assert device.one.net.source == "ca://T:1:Net"
    assert await device.one.net.get_value() == 11
    await device.connect(mock=True)
    assert await device.one.net.get_value() == 0


async def test_a_signal_connects_by_itself(protocol: str, live: SoftIoc) -> None:
    device = Instrument(protocol + "T:")
    await device.gain.connect()
    assert await device.gain.get_value() == (await device.gain.read())[""]["value"]
    with pytest.raises(NotConnectedError, match="Net has not been connected"):
        await device.one.net.get_value()
    with pytest.raises(NotConnectedError, match="T:ABSENT:First: never found"):
        await Absent(protocol + "T:").first.connect(timeout=0.1)


async def test_disconnecting_closes_channels(protocol: str, live: SoftIoc) -> None:
    pool = CaChannels.here() if protocol == "ca://" else PvaChannels.here()
    open_before = await settled_count(pool)
    device = Absent(protocol + "T:")
    with pytest.raises(ConnectionFailedError):
        await device.connect(timeout=0.01)
    assert len(pool) == open_before + 3
    await disconnect(device)
    assert await settled_count(pool) == open_before


async def test_a_device_that_nobody_holds_closes_its_channels(protocol: str, live: SoftIoc) -> None:
    pool = CaChannels.here() if protocol == "ca://" else PvaChannels.here()
    open_before = await settled_count(pool)
    device = Absent(protocol + "T:")
    with pytest.raises(ConnectionFailedError):
        await device.connect(timeout=0.01)
    del device
    assert await settled_count(pool) == open_before


async def test_two_devices_share_a_channel(live: SoftIoc) -> None:
    one, two = Part("T:1:"), Part("T:1:")
    await connect_together({"one": one, "two": two})
    open_now = await settled_count(CaChannels.here())
    await disconnect(one)
    assert await settled_count(CaChannels.here()) == open_now
    assert await two.net.get_value() == 11


async def test_another_event_loop_connects_anew(live: SoftIoc) -> None:
    device = Instrument("T:")

    async def use() -> float:
        await device.connect()
        return await device.one.net.get_value()

    for _ in range(3):
        assert await asyncio.to_thread(lambda: asyncio.run(use())) == 11
