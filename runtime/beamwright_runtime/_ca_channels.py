"""Channel Access channels, opened and watched many at a time."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import repeat
from typing import ClassVar

from beamwright_runtime import _ca_library as libca
from beamwright_runtime._ca_arrivals import CaArrivals
from beamwright_runtime._ca_channel import Channel, Listener
from beamwright_runtime._ca_monitors import CaMonitors
from beamwright_runtime._ca_requests import CaRequests
from beamwright_runtime._channel_user import DOWN, UP
from beamwright_runtime._search import SearchPace
from beamwright_runtime._wake_up import WakeUp

logger = logging.getLogger("beamwright")
_POINTER = ctypes.sizeof(ctypes.c_void_p)


class CaChannels:
    """The channels of one event loop. Use `CaChannels.here()`; all methods are called in that loop.

    libca calls back on threads of its own. What it says is queued, the loop is woken once, and takes all of it.

    :ivar requests: reads and writes them.
    :ivar monitors: their subscriptions.
    """

    _of_loop: ClassVar[dict[asyncio.AbstractEventLoop, CaChannels]] = {}

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        libca.use_context()
        self.loop = loop
        self.pace = SearchPace()
        self._wake_up = WakeUp(loop, self._take)
        self.requests = CaRequests(loop, self._wake_up)
        self.monitors = CaMonitors(self._wake_up)
        self._by_name: dict[str, Channel] = {}
        self._by_chid: dict[int, Channel] = {}
        self._uncreated: deque[Channel] = deque()
        self._unused: list[Channel] = []
        self._events: deque[tuple[int, int]] = deque()
        self._closed = False
        self._on_connection = libca.connection_handler(self._connection_handler())
        self._arrivals = CaArrivals(loop, self._look)

    @classmethod
    def here(cls) -> CaChannels:
        """Give the channels of the running event loop; those of loops that are closed are closed too."""
        loop = asyncio.get_running_loop()
        pool = cls._of_loop.get(loop)
        if pool is None:
            pool = CaChannels(loop)
            for other in [other for other in cls._of_loop if other.is_closed()]:
                cls._of_loop.pop(other).close()
            if not cls._of_loop:
                # After aioca's own: ours must run before it ends the context.
                atexit.unregister(_close_all)
                atexit.register(_close_all)
            cls._of_loop[loop] = pool
        return pool

    def __len__(self) -> int:
        """Count the open channels."""
        return len(self._by_name)

    def is_down(self, chid: int) -> bool:
        """Ask libca, which knows before the loop has been told."""
        return bool(libca.field_type(chid) < 0)

    # -- opening and closing

    def open(self, names: Iterable[str]) -> list[Channel]:
        """Open channels, each name once however often it is asked for; they connect as servers answer."""
        by_name, uncreated = self._by_name, self._uncreated
        opened: list[Channel] = []
        for name in names:
            channel = by_name.get(name)
            if channel is None:
                by_name[name] = channel = Channel(name, self)
                uncreated.append(channel)
            opened.append(channel)
        if uncreated and not self.pace.busy:
            self._create()
        return opened

    def _create(self) -> None:
        self.pace.busy = False
        if self._closed:
            return
        uncreated = self._uncreated
        batch = [uncreated.popleft() for _ in range(min(len(uncreated), self.pace.batch))]
        # In one go: once libca searches and servers answer, it makes who creates further channels wait.
        chids = (ctypes.c_void_p * len(batch))()
        places = range(ctypes.addressof(chids), ctypes.addressof(chids) + ctypes.sizeof(chids), _POINTER)
        names = [channel.name.encode() for channel in batch]
        statuses = list(map(libca.create_channel, names, repeat(None), repeat(0), repeat(0), places))
        libca.flush_io()
        for channel, chid, status in zip(batch, chids, statuses, strict=True):
            if chid is None or status != libca.ECA_NORMAL:
                logger.error("ca://%s: %s", channel.name, libca.message(status))
                continue
            channel._as_parameter_ = chid
            self._by_chid[chid] = channel
        self._arrivals.expect([chid for chid in chids if chid])
        if uncreated:
            self.pace.busy = True
            self.loop.call_later(self.pace.pause, self._create)

    def release(self, channel: Channel) -> None:
        """Close a channel soon, unless somebody uses it again before that."""
        if not self._unused and not self._closed:
            self.loop.call_soon(self._clear_unused)
        self._unused.append(channel)

    def _clear_unused(self) -> None:
        unused, self._unused = self._unused, []
        for channel in unused:
            handle = channel._as_parameter_
            if channel.listeners or self._by_name.get(channel.name) is not channel:
                continue
            del self._by_name[channel.name]
            channel.state = DOWN
            channel._as_parameter_ = 0
            if handle:
                libca.clear_channel(handle)
                del self._by_chid[handle]
                self._arrivals.forget(handle)
            else:
                with suppress(ValueError):  # libca refused to create it
                    self._uncreated.remove(channel)
        # No callback comes after a channel is cleared, but some may be queued; they must be taken before libca gives
        # the same address to another channel.
        self._take_events()
        self.requests.forget_closed()
        libca.flush_io()
        libca.drop_thread_states()

    def close(self) -> None:
        """Close all channels for good; whoever holds one sees it down."""
        if self._closed:
            return
        self._closed = True
        self.monitors.end_all()
        self._arrivals.stop()
        for chid, channel in self._by_chid.items():
            libca.clear_channel(chid)
            channel._as_parameter_ = 0
            channel.state = DOWN
        self._by_chid.clear()
        self._by_name.clear()
        self._uncreated.clear()
        libca.flush_io()
        libca.drop_thread_states()

    # -- what libca's threads call

    def _connection_handler(self) -> Callable[[int, int], None]:
        """Make what is called for each channel that comes or goes; it does the least that it can."""
        queue, wake_up, thread = self._events.append, self._wake_up, libca.thread

        def take_note(chid: int, op: int) -> None:
            queue((chid, op))
            if not thread.kept:
                libca.keep_thread_state()
            if not wake_up.due:
                wake_up.ask()

        return take_note

    # -- what the loop takes

    def _take(self) -> None:
        if self._closed:
            return
        self._take_events()
        self.requests.take()
        self.monitors.take()
        self.requests.flush()

    def _take_events(self) -> None:
        events, by_chid = self._events, self._by_chid
        while events:
            chid, op = events.popleft()
            channel = by_chid.get(chid)
            if channel is None:  # it is closed
                continue
            if op == libca.OP_UP:
                dbf = libca.field_type(chid)
                if dbf < 0:  # it went down again, which the next event tells
                    continue
                channel.came_up(dbf, libca.element_count(chid), libca.read_access(chid))
                for listener in channel.listeners:
                    listener.channel_up(channel)
            elif channel.state == UP:
                channel.state = DOWN
                for listener in channel.listeners:
                    listener.channel_down(channel)

    def _look(self, chids: Sequence[int]) -> None:
        """Watch channels from now on, and take note of those that are there."""
        list(map(libca.change_handler, chids, repeat(self._on_connection)))  # first, so that no change is missed
        states: dict[int, int] = {}
        others: dict[int, int] = {}
        for chid, dbf in zip(chids, map(libca.field_type, chids), strict=True):
            if dbf >= 0:  # it is there
                (states if dbf == libca.ENUM else others)[chid] = dbf
        # Who may have to ask for states comes first: the servers answer while all others take note.
        for types in (states, others):
            self._take_up(types)
            self.requests.flush()

    def _take_up(self, types: dict[int, int]) -> None:
        """Take note of channels that are there; `types` has the native type of each."""
        by_chid = self._by_chid
        told: dict[Listener, Channel] = {}
        counts, readable = map(libca.element_count, types), map(libca.read_access, types)
        for (chid, dbf), count, may_read in zip(types.items(), counts, readable, strict=True):
            channel = by_chid[chid]
            channel.came_up(dbf, count, may_read)
            for listener in channel.listeners:
                told[listener] = channel
        for listener, channel in told.items():
            listener.channel_up(channel)


def _close_all() -> None:
    for pool in CaChannels._of_loop.values():
        pool.close()
    CaChannels._of_loop.clear()
    libca.leave_context()
