"""Channel Access channels, opened and watched many at a time.

ADR 0012 and 0014 rule here.
"""

from __future__ import annotations

import asyncio
import atexit
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from beamwright_runtime.channels.ca import libca, thread_states
from beamwright_runtime.channels.ca.arrivals import CaArrivals
from beamwright_runtime.channels.ca.channel import CaChannel, Listener, listeners_of, mark_up, notify_up
from beamwright_runtime.channels.ca.monitors import CaMonitors
from beamwright_runtime.channels.ca.requests import CaRequests
from beamwright_runtime.channels.search_pace import SearchPace
from beamwright_runtime.channels.user import UP
from beamwright_runtime.channels.wake_up import WakeUp

CHANGES = 0.005
"""Seconds between two looks at the channels that come or go: all those of a server that is lost go one by one."""


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
        self._wake_up = WakeUp(loop, self._dispatch)
        self._changed = WakeUp(loop, self._dispatch, pause=CHANGES)
        self.requests = CaRequests(loop, self._wake_up)
        self.monitors = CaMonitors(self._wake_up)
        self._by_name: dict[str, CaChannel] = {}
        self._by_chid: dict[int, CaChannel] = {}
        self._uncreated: list[str] = []
        self._unused: list[CaChannel] = []
        self._events: deque[tuple[int, int]] = deque()
        self._closed = False
        self._on_connection = libca.connection_handler(self._connection_handler())
        self._arrivals = CaArrivals(loop, self._look)

    @classmethod
    def here(cls) -> CaChannels:
        """Return the channels of the running event loop; those of loops that are closed are closed too."""
        loop = asyncio.get_running_loop()
        pool = cls._of_loop.get(loop)
        if pool is None:
            pool = CaChannels(loop)
            for other in [other for other in cls._of_loop if other.is_closed()]:
                cls._of_loop.pop(other).close()
            if not cls._of_loop:
                # After aioca's own: ours must run before it ends the context.
                atexit.unregister(cls.close_all)
                atexit.register(cls.close_all)
            cls._of_loop[loop] = pool
        return pool

    @classmethod
    def close_all(cls) -> None:
        """Close the channels of all event loops, when the process ends."""
        for pool in cls._of_loop.values():
            pool.close()
        cls._of_loop.clear()
        libca.leave_context()

    def __len__(self) -> int:
        """Count the open channels."""
        return len(self._by_name)

    # -- opening and closing

    def open(self, names: Iterable[str]) -> Mapping[str, CaChannel]:
        """Open channels, each name once however often it is asked for; they connect as servers answer.

        :returns: all that are open, by name.
        """
        by_name = self._by_name
        new = list(dict.fromkeys(names))
        if by_name:
            new = [name for name in new if name not in by_name]
        if new:
            self._uncreated.extend(new)
            if not self.pace.busy:
                self._created(self._create())
            if self._uncreated:  # some of them are created later
                for name in new:
                    if name not in by_name:
                        by_name[name] = CaChannel(name, self)
        return by_name

    def _create(self) -> Iterable[tuple[str, int]]:
        """Create some of the channels; return each name with its handle."""
        names = self._uncreated[: self.pace.batch]
        del self._uncreated[: self.pace.batch]
        created = libca.create_channels(names)
        libca.flush_io()
        self._arrivals.expect(created if all(created) else [chid for chid in created if chid])
        self.pace.busy = bool(self._uncreated)
        if self.pace.busy:
            self.loop.call_later(self.pace.pause, self._create_more)
        return zip(names, created, strict=True)

    def _created(self, created: Iterable[tuple[str, int]]) -> None:
        """Make the channels that are new, and set the handle of each; libca searches meanwhile."""
        by_name, by_chid = self._by_name, self._by_chid
        for name, chid in created:
            channel = by_name.get(name)
            if channel is None:
                by_name[name] = channel = CaChannel(name, self)
            if chid:
                channel._as_parameter_ = chid
                by_chid[chid] = channel

    def _create_more(self) -> None:
        if self.pace.busy and not self._closed:
            self._created(self._create())

    def search_again(self, channels: Iterable[CaChannel]) -> None:
        """Search for channels that are not up as if they had just been opened.

        libca searches for what stays missing less and less often, down to once in 5 minutes.
        """
        watched = self.monitors.channels()
        for channel in channels:
            handle = channel._as_parameter_
            if channel.state == UP or not handle or channel in watched:
                continue
            channel._as_parameter_ = 0
            libca.clear_channel(handle)
            del self._by_chid[handle]
            self._arrivals.forget(handle)
            self._uncreated.append(channel.name)
        self._dispatch_events()
        if self._uncreated and not self.pace.busy:
            self._created(self._create())

    def ask_control(self, channel: CaChannel) -> None:
        """Ask for states or precision; the channel's listeners are notified when they have arrived."""
        self.requests.ask_control(channel)

    def doubt(self, channel: CaChannel) -> None:
        """Do nothing: libca reports every loss."""

    def release(self, channel: CaChannel) -> None:
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
            channel.mark_down()
            channel._as_parameter_ = 0
            if handle:
                libca.clear_channel(handle)
                del self._by_chid[handle]
                self._arrivals.forget(handle)
            else:
                with suppress(ValueError):  # libca refused to create it
                    self._uncreated.remove(channel.name)
        # No callback comes after a channel is cleared, but some may be queued; they must be taken before libca gives
        # the same address to another channel.
        self._dispatch_events()
        self.requests.forget_closed()
        libca.flush_io()
        thread_states.drop_ended()

    def close(self) -> None:
        """Close all channels for good; whoever holds one sees it down."""
        if self._closed:
            return
        self._closed = True
        self.monitors.end_all()
        self.requests.end()
        self._arrivals.stop()
        for chid, channel in self._by_chid.items():
            libca.clear_channel(chid)
            channel._as_parameter_ = 0
            channel.mark_down()
        self._by_chid.clear()
        self._by_name.clear()
        self._uncreated.clear()
        libca.flush_io()
        thread_states.drop_ended()

    # -- what libca's threads call

    def _connection_handler(self) -> Callable[[int, int], None]:
        """Return the handler of channels that connect or are lost; it does the least that it can."""
        queue, wake_up, thread = self._events.append, self._changed, thread_states.thread

        def take_note(chid: int, op: int) -> None:
            queue((chid, op))
            if not thread.kept:
                thread_states.keep()
            if not wake_up.due:
                wake_up.ask()

        return take_note

    # -- what the loop takes

    def _dispatch(self) -> None:
        if self._closed:
            return
        self._dispatch_events()
        self.requests.dispatch()
        self.monitors.dispatch()
        self.requests.flush()

    def _dispatch_events(self) -> None:
        events, by_chid = self._events, self._by_chid
        came: list[CaChannel] = []
        while events:
            chid, op = events.popleft()
            channel = by_chid.get(chid)
            if channel is None or chid in self._arrivals:  # it is closed, or not due yet
                continue
            if op == libca.OP_UP:
                dbf = libca.field_type(chid)
                if dbf < 0:  # it went down again, which the next event tells
                    continue
                mark_up((channel,), dbf, libca.element_count(chid), libca.read_access(chid))
                came.append(channel)
            elif channel.state == UP:
                channel.mark_down()
                for listener in channel.listeners:
                    listener.channel_down(channel)
        notify_up(listeners_of(came))

    def _look(self, expected: Mapping[int, Any]) -> list[int]:
        """Watch channels from now on, mark those that are connected, and return the others."""
        pointers = list(expected.values())
        libca.change_handlers(pointers, self._on_connection)  # first, so that no change is missed
        alike: defaultdict[tuple[int, int, int], list[CaChannel]] = defaultdict(list)
        for channel, facts in zip(map(self._by_chid.__getitem__, expected), libca.facts(pointers), strict=True):
            alike[facts].append(channel)
        asking: list[Listener] = []
        others: list[Listener] = []
        absent: list[int] = []
        for (dbf, count, may_read), channels in alike.items():
            if dbf < 0:
                absent += [channel._as_parameter_ for channel in channels]
                continue
            mark_up(channels, dbf, count, may_read)
            listeners = listeners_of(channels)
            if dbf in libca.REALS:
                for listener in listeners:
                    (asking if listener.datatype is int else others).append(listener)
            else:
                (asking if dbf == libca.ENUM else others).extend(listeners)
        # Those that are asked for states or precision come first: the servers answer while all others are told.
        for found in (asking, others):
            notify_up(found)
            self.requests.flush()
        return absent
