"""Channels over Channel Access: refused, awaited and lost; the collector and the log meanwhile."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import pytest
import pytest_asyncio
from ophyd_async.core import SignalR
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import RecordDevice, disconnect
from beamwright_runtime.channels.ca import arrivals as _ca_arrivals
from beamwright_runtime.channels.ca import libca
from beamwright_runtime.channels.ca.arrivals import CaArrivals
from beamwright_runtime.channels.ca.channel import CaChannel
from beamwright_runtime.channels.ca.pool import CaChannels
from beamwright_runtime.channels.user import UP
from beamwright_runtime.connection.garbage_collection import collection_paused
from tests.helpers.softioc import SoftIoc

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_name_that_libca_refuses_is_let_go_like_any_other(
    live: SoftIoc, caplog: pytest.LogCaptureFixture
) -> None:
    pool = CaChannels.here()
    channels = pool.open(["", "T:Never"])
    refused, accepted = channels[""], channels["T:Never"]
    pool.release(refused)
    pool.release(accepted)
    await asyncio.sleep(0)  # both are closed in the next turn of the loop
    assert not accepted._as_parameter_
    again = pool.open([""])[""]
    assert again is not refused
    assert "ca://: Invalid string" in caplog.text
    pool.release(again)


class Hears:
    """Listens to a channel until it is up."""

    datatype = float
    watches = ()

    def __init__(self) -> None:
        self.up = asyncio.Event()

    def recognise(self) -> None:
        """Leave it to `channel_up`."""

    def channel_up(self) -> None:
        """Take note."""
        self.up.set()

    def channel_down(self, channel: CaChannel) -> None:
        """Pay no heed."""


async def test_a_channel_that_nobody_needs_any_more_may_still_come(live: SoftIoc) -> None:
    pool = CaChannels.here()
    channels = pool.open(["S:Float.HOPR", "S:Float.LOPR"])
    left, needed = channels["S:Float.HOPR"], channels["S:Float.LOPR"]
    needed.listeners = (hears := Hears(),)
    async with asyncio.timeout(60):
        await hears.up.wait()
    assert left.state == needed.state == UP
    needed.listeners = ()
    pool.release(left)
    pool.release(needed)


@contextmanager
def created(*names: str) -> Iterator[list[int]]:
    """Channels that were created without a handler."""
    CaChannels.here()
    addresses = libca.create_channels(names)
    libca.flush_io()
    assert all(addresses)
    yield addresses
    for address in addresses:
        libca.clear_channel(address)


def arrivals() -> tuple[CaArrivals, asyncio.Future[list[int]]]:
    """Make what waits for channels, and a future of those that are due."""
    loop = asyncio.get_running_loop()
    due: asyncio.Future[list[int]] = loop.create_future()

    def tell(chids: Mapping[int, Any]) -> list[int]:
        due.set_result(list(chids))  # fails if it is called twice
        return []

    return CaArrivals(loop, tell), due


async def test_channels_are_due_when_they_are_there(live: SoftIoc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ca_arrivals, "SILENCE", 60.0)
    monkeypatch.setattr(_ca_arrivals, "PATIENCE", 60.0)
    with created("S:Float", "S:Int", "S:Text") as chids:
        awaited, due = arrivals()
        awaited.expect(chids[:2])
        awaited.expect(chids[2:])
        assert await due == chids
        assert [libca.state(chid) for chid in chids] == [libca.IS_UP] * 3


async def test_channels_are_due_though_none_is_there(live: SoftIoc) -> None:
    with created("T:Never1", "T:Never2") as chids:
        awaited, due = arrivals()
        awaited.expect(chids)
        awaited.forget(chids[0])
        assert await due == chids[1:]
        assert libca.state(chids[1]) != libca.IS_UP


async def test_many_that_are_missing_are_awaited_together_once_more(
    live: SoftIoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ca_arrivals, "ONE_BY_ONE", 1)
    told: asyncio.Queue[tuple[list[int], list[int]]] = asyncio.Queue()

    def look(channels: Mapping[int, Any]) -> list[int]:
        absent = [chid for chid in channels if libca.state(chid) != libca.IS_UP]
        told.put_nowait((list(channels), absent))
        return absent

    with created("S:Float", "T:Never1", "T:Never2") as chids:
        awaited = CaArrivals(asyncio.get_running_loop(), look)
        awaited.expect(chids)
        assert await told.get() == (chids, chids[1:])
        assert chids[0] not in awaited
        assert chids[1] in awaited
        assert await told.get() == (chids[1:], chids[1:])
        assert chids[1] not in awaited


async def test_nothing_is_due_after_the_end(live: SoftIoc) -> None:
    with created("S:Float", "S:Int") as chids:
        ended, never = arrivals()
        ended.expect(chids)
        ended.stop()
        awaited, due = arrivals()
        awaited.expect(chids)
        await due
        assert not never.done()


@pytest_asyncio.fixture(loop_scope="session")
async def collector_on() -> None:
    """Let attempts of earlier tests give the collector back, which takes them some seconds and tells nobody."""
    async with asyncio.timeout(60):
        while not gc.isenabled():
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("collector_on")
async def test_the_collector_is_off_as_long_as_anybody_needs_it() -> None:
    loop = asyncio.get_running_loop()
    assert gc.isenabled()
    with collection_paused(loop, 60.0):
        with collection_paused(loop, 60.0):
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.usefixtures("collector_on")
async def test_the_collector_is_on_again_when_it_lasts_too_long() -> None:
    loop = asyncio.get_running_loop()
    later = asyncio.Event()
    with collection_paused(loop, 0.0):
        loop.call_later(0.001, later.set)
        assert not gc.isenabled()
        await later.wait()
        assert gc.isenabled()
    assert gc.isenabled()


@pytest.mark.usefixtures("collector_on")
async def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collection_paused(asyncio.get_running_loop(), 60.0):
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


class Amplifier(RecordDevice):
    gain: Annotated[SignalR[float], PvSuffix("Gain")]


class Everywhere(RecordDevice):
    there: Annotated[SignalR[float], PvSuffix("S:Float")]
    gain: Annotated[SignalR[float], PvSuffix("M:Gain")]
    count: Annotated[SignalR[int], PvSuffix("M:Count")]


async def test_what_comes_while_it_is_awaited_once_more_is_connected(
    mortal: SoftIoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ca_arrivals, "ONE_BY_ONE", 1)
    monkeypatch.setattr(_ca_arrivals, "SILENCE", 60.0)
    device = Everywhere("")
    starting = asyncio.create_task(asyncio.to_thread(mortal.start))
    await device.connect(timeout=30)
    await starting
    assert await device.count.get_value() == 7
    await disconnect(device)


class Told(logging.Handler):
    """Tells an event loop of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self.messages: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self._loop.call_soon_threadsafe(self.messages.put_nowait, record.getMessage())


async def test_the_loss_of_a_server_is_logged_not_printed(
    mortal: SoftIoc, live: SoftIoc, capfd: pytest.CaptureFixture[str]
) -> None:
    mortal.start()
    device = Amplifier("M:")
    await device.connect(timeout=30)
    told, logger = Told(), logging.getLogger("beamwright")
    logger.addHandler(told)
    try:
        mortal.kill()
        message = await asyncio.wait_for(told.messages.get(), 30)
    finally:
        logger.removeHandler(told)
    await disconnect(device)
    assert message.startswith("Channel Access: Virtual circuit disconnect")
    assert "Virtual circuit" not in capfd.readouterr().err
