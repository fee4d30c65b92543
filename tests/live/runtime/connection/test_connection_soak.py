"""Connecting thousands of times leaves nothing behind, and callers that leave at any moment harm nobody."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections import deque
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ophyd_async.core import NotConnectedError, SignalR, SignalRW
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import RecordDevice, connect_tree, disconnect, is_connected
from beamwright_runtime.channels.ca import thread_states
from beamwright_runtime.channels.ca.pool import CaChannels
from beamwright_runtime.channels.pva.pool import PvaChannels
from tests.helpers.softioc import SoftIoc

CYCLES = int(os.environ.get("BEAMWRIGHT_SOAK_CYCLES", "1000"))
PAGE = os.sysconf("SC_PAGE_SIZE")


class Instrument(RecordDevice):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    resets: Annotated[SignalR[int], PvSuffix("Resets")]
    missing: Annotated[SignalR[float], PvSuffix("Missing")]


class Present(RecordDevice):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    resets: Annotated[SignalR[int], PvSuffix("Resets")]


def held() -> dict[str, int]:
    """Count what a process can leak."""
    gc.collect()
    threads = list(Path("/proc/self/task").iterdir())
    return {
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * PAGE,
        "threads": len(threads),
        "python threads": threading.active_count(),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "thread states": thread_states.count(),
        "CA channels": len(CaChannels.here()),
        "PVA channels": len(PvaChannels.here()),
    }


async def settled() -> dict[str, int]:
    """Count when nothing changes any more: clients open and close sockets in threads of their own, and tell nobody."""
    counts: deque[dict[str, int]] = deque(maxlen=20)
    async with asyncio.timeout(30):
        while len(counts) < 20 or any(count != counts[0] for count in counts):
            await asyncio.sleep(0.1)
            thread_states.drop_ended()
            now = held()
            memory = now.pop("memory")
            counts.append(now)
    return {"memory": memory, **now}


@pytest.mark.soak
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("protocol", ["ca://", "pva://"])
async def test_nothing_is_left_of_many_connections(protocol: str, live: SoftIoc) -> None:
    async def cycle() -> None:
        device = Present(protocol + "T:", "present")
        await device.connect(timeout=30)
        await device.gain.get_value()
        await disconnect(device)
        await asyncio.sleep(0)

    PvaChannels.here()  # makes the client of its protocol, which stays
    for _ in range(CYCLES // 10):
        await cycle()
    before = await settled()
    for _ in range(CYCLES):
        await cycle()
    after = await settled()
    print(f"{protocol}: {before} before {CYCLES} cycles, {after} after")
    assert after.pop("memory") - before.pop("memory") < 4 * 1024 * 1024
    assert all(after[name] <= before[name] + 2 for name in before), (before, after)


@pytest.mark.asyncio(loop_scope="session")
async def test_callers_that_leave_at_any_moment_harm_nobody(live: SoftIoc) -> None:
    async def race(leaves: list[tuple[int, bool]], force: bool) -> None:
        device = Present("T:")
        callers = [asyncio.create_task(connect_tree(device, 30, force)) for _ in range(len(leaves) + 1)]
        for steps, leave in leaves:
            for _ in range(steps):
                await asyncio.sleep(0)
            if leave:
                callers[steps % len(leaves)].cancel()
        results = await asyncio.gather(*callers, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
        assert results[-1] is None
        await device.connect(timeout=30)
        assert is_connected(device)
        assert await device.resets.get_value() >= 0
        await disconnect(device)

    loop = asyncio.get_running_loop()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=6), st.booleans())
    def races(leaves: list[tuple[int, bool]], force: bool) -> None:
        asyncio.run_coroutine_threadsafe(race(leaves, force), loop).result(60)

    await asyncio.to_thread(races)


@pytest.mark.asyncio(loop_scope="session")
async def test_one_missing_pv_does_not_keep_the_others_waiting(live: SoftIoc) -> None:
    device = Instrument("T:")
    with pytest.raises(NotConnectedError, match="missing: never found"):
        await device.connect(timeout=0.5)
    assert await device.resets.get_value() >= 0
    await disconnect(device)
