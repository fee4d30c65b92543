"""A device that went away is known to be gone, and comes back as what it is then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
import pytest_asyncio
from ophyd_async.core import NotConnectedError, SignalR, SignalRW, StrictEnum
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import (
    ConnectionEvent,
    ConnectionFailedError,
    RecordDevice,
    connection_events,
    connection_problems,
    disconnect,
    disconnected_signals,
    is_connected,
    on_connection_change,
)
from beamwright_runtime.channels.ca.pool import CaChannels
from beamwright_runtime.channels.pva.pool import PvaChannels
from beamwright_runtime.connection import signal_tree
from tests.helpers.softioc import SoftIoc

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]
BOTH = pytest.mark.parametrize("protocol", ["ca://", "pva://"])


class Mode(StrictEnum):
    ONE = "One"
    TWO = "Two"


class Amplifier(RecordDevice):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    count: Annotated[SignalRW[int], PvSuffix("Count")]
    mode: Annotated[SignalRW[Mode], PvSuffix("Mode")]


class Counter(RecordDevice):
    count: Annotated[SignalRW[int], PvSuffix("Count")]


class Steady(RecordDevice):
    number: Annotated[SignalR[float], PvSuffix("Number")]


@pytest_asyncio.fixture(params=["ca://", "pva://"], loop_scope="session")
async def amplifier(request: pytest.FixtureRequest, mortal: SoftIoc, live: SoftIoc) -> AsyncIterator[Amplifier]:
    mortal.start()
    device = Amplifier(f"{request.param}M:", "amplifier")
    await device.connect(timeout=30)
    await device.connect(timeout=30)
    yield device
    await disconnect(device)


async def gone(device: RecordDevice) -> None:
    async for event in connection_events(device):
        if not event.connected:
            return


async def all_gone(device: RecordDevice) -> None:
    """Wait until each signal is lost, which channels over PVA are one by one."""
    while len(disconnected_signals(device)) < len(list(device.children())):
        await asyncio.sleep(0)


async def back(device: RecordDevice) -> None:
    async for event in connection_events(device):
        if event.connected:
            return


async def test_a_killed_server_is_known_and_never_ok(amplifier: Amplifier, mortal: SoftIoc) -> None:
    mortal.kill()
    async with asyncio.timeout(30):
        await gone(amplifier)
    assert not is_connected(amplifier)
    with pytest.raises(ConnectionFailedError, match="disconnected"):
        await amplifier.connect(timeout=0.1)
    with pytest.raises(NotConnectedError, match="M:Gain_RBV is disconnected"):
        await amplifier.gain.get_value()
    with pytest.raises(NotConnectedError, match="M:Gain is disconnected"):
        await amplifier.gain.set(1.0)


def kill_when_connected(device: RecordDevice, mortal: SoftIoc) -> asyncio.Event:
    """Kill the server before the one who connects is told that all is there; gives an event of that."""
    killed = asyncio.Event()

    def strike(event: ConnectionEvent) -> None:
        if not killed.is_set():
            mortal.kill()
            killed.set()

    on_connection_change(strike, device)
    return killed


@BOTH
async def test_a_server_that_dies_as_soon_as_it_has_answered_is_not_connected(
    protocol: str, mortal: SoftIoc, live: SoftIoc
) -> None:
    mortal.start()
    device = Counter(f"{protocol}M:", "counter")
    killed = kill_when_connected(device, mortal)
    connecting = asyncio.create_task(device.connect(timeout=60))
    async with asyncio.timeout(30):
        await killed.wait()
        if protocol == "ca://":  # over PVA nobody is told yet, and whoever connects waits until it is known
            await gone(device)
    with pytest.raises(ConnectionFailedError, match=r"0 of 1 PVs connected.*\n  count: disconnected"):
        await device.connect(timeout=0.5)
    assert not is_connected(device)
    connecting.cancel()
    await disconnect(device)


async def test_a_pva_server_that_dies_before_monitors_watch_it_is_known_and_waited_for(
    mortal: SoftIoc, live: SoftIoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beamwright_runtime.channels.pva.pool.PATIENCE", 0.5)
    mortal.start()
    device = Counter("pva://M:", "counter")
    killed = kill_when_connected(device, mortal)
    connecting = asyncio.create_task(device.connect(timeout=60))
    async with asyncio.timeout(30):
        await killed.wait()
        await gone(device)
    assert not connecting.done()
    mortal.start()
    await connecting
    assert is_connected(device)
    assert await device.count.get_value() == 7
    await disconnect(device)


async def test_a_server_that_returns_heals_the_device(amplifier: Amplifier, mortal: SoftIoc) -> None:
    mortal.kill()
    async with asyncio.timeout(30):
        await gone(amplifier)
        await all_gone(amplifier)
    mortal.start()
    await amplifier.connect(timeout=60)
    assert disconnected_signals(amplifier) == []
    assert await amplifier.count.get_value() == 7


async def test_a_server_that_returns_with_other_types_is_refused(amplifier: Amplifier, mortal: SoftIoc) -> None:
    mortal.kill()
    async with asyncio.timeout(30):
        await all_gone(amplifier)
    other = SoftIoc(
        'record(ao, "M:Gain") {} record(ai, "M:Gain_RBV") {} record(stringout, "M:Count") {}'
        ' record(mbbo, "M:Mode") {field(ZRST, "One")}',
        ports=mortal._given,
    )
    with other:
        with pytest.raises(ConnectionFailedError) as failure:
            await amplifier.connect(timeout=60)
        assert {problem.signal: str(problem.fault) for problem in failure.value.problems} == {
            "count": "wrong type: declared int, served str",
            "mode": 'choices differ: missing "Two"',
        }
        assert connection_problems(amplifier) == list(failure.value.problems)


async def test_monitors_survive_a_restart(amplifier: Amplifier, mortal: SoftIoc) -> None:
    values: asyncio.Queue[int] = asyncio.Queue()
    amplifier.count.subscribe_reading(lambda reading: values.put_nowait(reading["amplifier-count"]["value"]))
    async with asyncio.timeout(90):
        assert await values.get() == 7
        mortal.kill()
        await gone(amplifier)
        mortal.start()
        await back(amplifier)
        assert await values.get() == 7
        await amplifier.count.set(8)
        while await values.get() != 8:
            pass


async def test_events_tell_only_of_the_devices_asked_for(amplifier: Amplifier, mortal: SoftIoc) -> None:
    steady = Steady("T:", "steady")
    await steady.connect()
    events = connection_events(steady, amplifier)
    assert [(e.device, e.connected) for e in [await anext(events), await anext(events)]] == [
        (steady, True),
        (amplifier, True),
    ]
    mortal.kill()
    async with asyncio.timeout(30):
        event = await anext(events)
    assert (event.device, event.connected) == (amplifier, False)
    assert is_connected(steady)
    await events.aclose()


async def test_ophyd_asyncs_own_connect_of_a_signal_looks_again(amplifier: Amplifier, mortal: SoftIoc) -> None:
    await amplifier.count.connect()
    mortal.kill()
    async with asyncio.timeout(30):
        await gone(amplifier)
        await all_gone(amplifier)
    with pytest.raises(NotConnectedError, match="M:Count: disconnected"):
        await amplifier.count.connect(timeout=0.1)


async def test_a_device_in_mock_mode_counts_as_connected() -> None:
    device = Amplifier("ABSENT:")
    assert not is_connected(device)
    await device.connect(mock=True)
    assert is_connected(device)
    assert disconnected_signals(device) == []


@BOTH
async def test_what_was_missing_for_long_is_searched_for_anew(
    protocol: str, mortal: SoftIoc, live: SoftIoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[set[str]] = []

    def note(pool: type[CaChannels] | type[PvaChannels]) -> None:
        real = pool.search_again

        def noting(self: Any, channels: Any) -> None:
            searched.append({channel.name for channel in channels})
            real(self, channels)

        monkeypatch.setattr(pool, "search_again", noting)

    note(CaChannels)
    note(PvaChannels)
    device = Counter(f"{protocol}M:", "counter")
    for _ in range(2):
        with pytest.raises(ConnectionFailedError, match="never found"):
            await device.connect(timeout=0.1)
    assert not searched
    monkeypatch.setattr(signal_tree, "SEARCHED", 0.0)
    with pytest.raises(ConnectionFailedError, match="never found"):
        await device.connect(timeout=0.1)
    assert searched == [{"M:Count"}]
    mortal.start()
    await device.connect(timeout=30)
    assert await device.count.get_value() == 7
    before = len(searched)
    await device.connect(timeout=30)
    assert len(searched) == before
    await disconnect(device)


async def test_a_monitor_outlives_a_search_for_what_is_missing(
    mortal: SoftIoc, live: SoftIoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_tree, "SEARCHED", 0.0)
    mortal.start()
    device = Counter("ca://M:", "counter")
    await device.connect(timeout=30)
    readings: asyncio.Queue[Any] = asyncio.Queue()
    device.count.subscribe_reading(readings.put_nowait)
    async with asyncio.timeout(60):
        assert (await readings.get())["counter-count"]["value"] == 7
        mortal.kill()
        await gone(device)
        with pytest.raises(ConnectionFailedError, match="disconnected"):
            await device.connect(timeout=0.1)
        mortal.start()
        await device.connect(timeout=30)
        assert (await readings.get())["counter-count"]["value"] == 7
    device.count.clear_sub(readings.put_nowait)
    await disconnect(device)
