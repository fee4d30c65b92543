"""Channels that were opened just now, until it is time to look which of them are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from beamwright_runtime import _ca_library as libca
from beamwright_runtime._wake_up import WakeUp

LOOK = 0.01
"""Seconds between two looks at the probes: each waits for libca's lock, and holds up who reads what servers send."""
SILENCE = 0.1
"""Seconds that the first answer is awaited: libca begins to search some 30 ms after a channel was created."""
PATIENCE = 0.02
"""Seconds that a further probe is awaited after the last that came."""
PROBES = 8


class CaArrivals:
    """Waits until most of the channels that were opened together are there, by looking at a few; the last tells itself.

    If libca called back for each, its thread would have to get Python's interpreter lock ten thousand times from the
    thread that takes note of them; and asking about all again and again would hold it up too, for it holds a lock of
    its own while it reads what a server sends. So channels are created without a handler, and nobody else asks about
    them until they are `due`.

    :param due: takes channels, each with its pointer; it gives them their handler, then looks which of them are there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, due: Callable[[Mapping[int, Any]], None]) -> None:
        self._loop = loop
        self._due = due
        self._expected: dict[int, Any] = {}
        self._probes: list[int] = []
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._wake_up = WakeUp(loop, self._look_early)
        self._on_last = libca.connection_handler(self._last_came)

    def expect(self, chids: Sequence[int]) -> None:
        """Wait for channels that were created without a handler."""
        if not chids:
            return
        self._expected.update(zip(chids, libca.pointers(chids), strict=True))
        self._probes += {chids[len(chids) * number // PROBES - 1] for number in range(1, PROBES + 1)}
        libca.change_handler(chids[-1], self._on_last)
        self._until = self._loop.time() + SILENCE
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK, self._look)

    def forget(self, chid: int) -> None:
        """Expect a channel no more that is closed."""
        self._expected.pop(chid, None)

    def stop(self) -> None:
        """Expect nothing more."""
        self._expected.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _last_came(self, chid: int, op: int) -> None:
        if not libca.thread.kept:
            libca.keep_thread_state()
        self._wake_up.ask()

    def _look_early(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._look()

    def _look(self) -> None:
        self._timer = None
        missing = [chid for chid in self._probes if chid in self._expected and libca.state(chid) != libca.IS_UP]
        now = self._loop.time()
        if len(missing) < len(self._probes):
            self._probes = missing
            self._until = now + PATIENCE
        if missing and now < self._until:
            self._timer = self._loop.call_later(LOOK, self._look)
            return
        expected, self._expected = self._expected, {}
        self._probes.clear()
        self._due(expected)
