"""Channels that were opened just now, until it is time to look which of them are there.

ADR 0012 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from beamwright_runtime.channels.ca import libca, thread_states
from beamwright_runtime.channels.wake_up import WakeUp

LOOK = 0.01
"""Seconds between two looks at the probes: each waits for libca's lock, and holds up who reads what servers send."""
SILENCE = 0.25
"""Seconds that the first answer is awaited: libca begins to search some 30 ms after a channel was created, and a server
that has filled the client's TCP window may send on only after 200 ms."""
PATIENCE = 0.02
"""Seconds that a further probe is awaited after the last that came."""
PROBES = 8
ONE_BY_ONE = 1000
"""Missing channels that libca may tell of one by one; more than that are awaited together once more."""


class CaArrivals:
    """Waits until most of the channels that were opened together are there, by looking at a few; the last tells itself.

    If libca called back for each, its thread would have to get Python's interpreter lock ten thousand times from the
    thread that takes note of them; and asking about all again and again would hold it up too, for it holds a lock of
    its own while it reads what a server sends. So channels are created without a handler, and nobody else asks about
    them until they are `due`.

    :param due: takes channels, each with its pointer; it gives them their handler, looks which of them are there, and
        gives back the others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, due: Callable[[Mapping[int, Any]], list[int]]) -> None:
        self._loop = loop
        self._due = due
        self._expected: dict[int, Any] = {}
        self._probes: list[int] = []
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._wake_up = WakeUp(loop, self._look_early)
        self._on_last = libca.connection_handler(self._last_connected)

    def __contains__(self, chid: int) -> bool:
        """Whether a channel is expected: what libca says of it does not count until it is due."""
        return chid in self._expected

    def expect(self, chids: Sequence[int]) -> None:
        """Wait for channels that were created without a handler."""
        if chids:
            self._await(chids, libca.pointers(chids))

    def _await(self, chids: Sequence[int], pointers: Sequence[Any]) -> None:
        self._expected.update(zip(chids, pointers, strict=True))
        self._probes += {chids[len(chids) * number // PROBES - 1] for number in range(1, PROBES + 1)}
        libca.change_handler(chids[-1], self._on_last)
        self._until = self._loop.time() + SILENCE
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK, self._look)

    def forget(self, chid: int) -> None:
        """Forget a channel that is closed."""
        self._expected.pop(chid, None)

    def stop(self) -> None:
        """Expect nothing more."""
        self._expected.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _last_connected(self, chid: int, op: int) -> None:
        if not thread_states.thread.kept:
            thread_states.keep()
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
        absent = self._due(expected)
        if ONE_BY_ONE < len(absent) < len(expected):  # some came, so the others may
            pointers = [expected[chid] for chid in absent]
            libca.change_handlers(pointers, None)
            self._await(absent, pointers)
