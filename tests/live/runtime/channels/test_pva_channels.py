"""Channels over PV Access: each is watched by one monitor, also while others are never found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from beamwright_runtime.channels.pva import pool as _pva_channels
from beamwright_runtime.channels.pva.channel import PvaChannel, context
from beamwright_runtime.channels.pva.pool import PvaChannels
from tests.helpers.softioc import SoftIoc

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Hears:
    """Listens to a channel."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.watched = asyncio.Event()

    def channel_up(self) -> None:
        """Take note of an answer."""
        self.up.set()

    def channel_watched(self) -> None:
        """Take note of the first word of a monitor."""
        self.watched.set()


class Counting:
    """The client of the process, whose monitors are counted by name."""

    begun: list[str]

    def monitor(self, name: str, *arguments: Any) -> Any:
        """Count and begin one."""
        self.begun.append(name)
        return context().monitor(name, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(context(), name)


@pytest_asyncio.fixture(loop_scope="session")
async def channel(live: SoftIoc) -> AsyncIterator[PvaChannel]:
    """A channel that is there, opened together with one that is not."""
    pool = PvaChannels.here()
    channels = pool.open(["S:Float.HOPR", "T:Never"])
    channel, missing = channels["S:Float.HOPR"], channels["T:Never"]
    yield channel
    channel.listeners = ()
    pool.release(channel)
    pool.release(missing)


async def test_a_channel_that_is_asked_twice_is_watched_once(
    channel: PvaChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counting, "begun", [], raising=False)
    monkeypatch.setattr(_pva_channels, "context", Counting)
    channel.listeners = (hears := Hears(),)
    async with asyncio.timeout(60):
        await hears.up.wait()
        hears.up.clear()
        channel.pool.ask_control(channel)
        await hears.up.wait()
        await hears.watched.wait()
    assert Counting.begun == ["S:Float.HOPR"]
