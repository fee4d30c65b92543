"""PV Access channels, opened and watched many at a time.

ADR 0012 and 0013 rule here.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from p4p.client.raw import Disconnected, RemoteError

from beamwright_runtime.channels.pva.channel import PvaChannel, PvaMonitor, context
from beamwright_runtime.channels.pva.closer import closer
from beamwright_runtime.channels.pva.requests import PvaRequests, give_up
from beamwright_runtime.channels.search_pace import SearchPace
from beamwright_runtime.channels.user import DOWN, UP
from beamwright_runtime.channels.wake_up import WakeUp

logger = logging.getLogger("beamwright")

WATCH_DELAY = 0.2
"""Seconds without an answer after which the first monitors begin, while there is still something to be opened."""
WATCH_AT_LATEST = 5.0
"""Seconds from the first answers to the first monitors, however many answers still come."""
WATCH_BATCH = 250
"""Channels whose monitors are begun in one turn of the loop."""
PATIENCE = 30.0
"""Seconds that a monitor has for its first word; a server that goes before it never says that it went."""
LIVENESS = "field(alarm)"
"""What the monitors ask for that only tell whether a channel is there: it is small, and seldom changes."""
EVERYTHING = "field()"


class PvaChannels:
    """The channels of one event loop. Use `PvaChannels.here()`; all methods are called in that loop.

    :ivar requests: reads and writes them.
    """

    _of_loop: ClassVar[dict[asyncio.AbstractEventLoop, PvaChannels]] = {}

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.pace = SearchPace(batch=2000)
        self._by_name: dict[str, PvaChannel] = {}
        self._unopened: deque[PvaChannel] = deque()
        self._unwatched: deque[PvaChannel] = deque()
        self._unused: list[PvaChannel] = []
        self._calls: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._finished_operations: list[Any] = []
        self._wake_up = WakeUp(loop, self._dispatch)
        self.requests = PvaRequests(loop, self.call)
        self._closed = False
        self._opening = 0
        self._answers = 0
        self._watch_timer: asyncio.Handle | None = None
        self._watch_latest = 0.0

    @classmethod
    def here(cls) -> PvaChannels:
        """Return the channels of the running event loop; those of loops that are closed are closed too."""
        loop = asyncio.get_running_loop()
        pool = cls._of_loop.get(loop)
        if pool is None:
            for other in [other for other in cls._of_loop if other.is_closed()]:
                cls._of_loop.pop(other).close()
            if not cls._of_loop:
                context()
                atexit.unregister(cls.close_all)
                atexit.register(cls.close_all)
            pool = cls._of_loop[loop] = PvaChannels(loop)
        return pool

    @classmethod
    def close_all(cls) -> None:
        """Close the channels of all event loops, when the process ends."""
        for pool in cls._of_loop.values():
            pool.close()
        cls._of_loop.clear()

    def __len__(self) -> int:
        """Count the open channels."""
        return len(self._by_name)

    # -- from p4p's threads to the loop

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the event loop soon, from any thread; those of one moment are called together."""
        self._calls.append((function, arguments))
        self._wake_up.ask()

    def _dispatch(self) -> None:
        while self._calls and not self._closed:
            function, arguments = self._calls.popleft()
            try:
                function(*arguments)
            except Exception:
                logger.exception("an update from a PVA server could not be handled")

    # -- opening and closing

    def open(self, names: Iterable[str]) -> Mapping[str, PvaChannel]:
        """Open channels, each name once however often it is asked for; they connect as servers answer.

        :returns: all that are open, by name.
        """
        by_name = self._by_name
        for name in names:
            if name not in by_name:
                by_name[name] = channel = PvaChannel(name, self)
                self._unopened.append(channel)
        if self._unopened and not self.pace.busy:
            self._open_some()
        return by_name

    def _open_some(self) -> None:
        self.pace.busy = False
        for _ in range(min(len(self._unopened), self.pace.batch)):
            self._ask(self._unopened.popleft())
        if self._unopened and not self._closed:
            self.pace.busy = True
            self.loop.call_later(self.pace.pause, self._open_some)

    def _ask(self, channel: PvaChannel) -> None:
        if channel.pending or self._by_name.get(channel.name) is not channel:
            return
        channel.pending = True
        self._opening += 1
        channel.operation = context().get(channel.name, lambda value: self.call(self._on_answer, channel, value))

    def search_again(self, channels: Iterable[PvaChannel]) -> None:
        """Search at once, and not when it is due: pvxs searches for all that is missing every 30 s."""
        context().hurryUp()

    def ask_control(self, channel: PvaChannel) -> None:
        """Ask what the server has now; the channel's listeners are notified."""
        if channel.state == UP:
            self._ask(channel)

    def _on_answer(self, channel: PvaChannel, value: Any) -> None:
        operation, channel.operation = channel.operation, None
        if operation is None:
            return
        self._finished_operations.append(operation)
        channel.pending = False
        self._opening -= 1
        if isinstance(value, Exception) and not isinstance(value, RemoteError):
            self._ask(channel)
            return
        channel.note(value)
        channel.state = UP
        for listener in channel.listeners:
            listener.channel_up()
        if channel.liveness is None:
            self._unwatched.append(channel)
        self._answers += 1
        if not self._opening:
            self._watch_in(0.0)
        elif self._watch_timer is None:
            self._watch_latest = self.loop.time() + WATCH_AT_LATEST
            self._watch_in(WATCH_DELAY)

    def monitor(self, channel: PvaChannel, request: str, callback: Callable[[Any], None]) -> PvaMonitor:
        """Subscribe to a channel: call back with each update, in the event loop.

        :param request: which fields, such as `field(value,alarm)`.
        """
        return PvaMonitor(channel, request, callback, self.call)

    # -- liveness

    def _watch_in(self, seconds: float) -> None:
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        self._watch_timer = self.loop.call_later(seconds, self._watch_when_quiet, self._answers)

    def _watch_when_quiet(self, answers: int) -> None:
        """Begin monitors when the types of all are known, for they cost as much as that; or when nothing comes."""
        if self._opening and self._answers > answers and self.loop.time() < self._watch_latest:
            self._watch_in(WATCH_DELAY)
        else:
            self._watch_some()

    def _watch_some(self) -> None:
        """Begin the monitors that notice disconnections."""
        self._watch_timer = None
        answered, self._finished_operations = self._finished_operations, []
        closer.close(answered)
        batch = [self._unwatched.popleft() for _ in range(min(WATCH_BATCH, len(self._unwatched)))]
        for channel in batch:
            self._watch(channel, LIVENESS)
        if batch:
            self.loop.call_later(PATIENCE, self._doubt_silent, batch)
        if self._unwatched and not self._closed:
            self._watch_timer = self.loop.call_soon(self._watch_some)

    def _watch(self, channel: PvaChannel, request: str) -> None:
        if self._by_name.get(channel.name) is channel and channel.liveness is None:
            channel.liveness = context().monitor(channel.name, lambda: self.call(self._poll_liveness, channel), request)

    def _poll_liveness(self, channel: PvaChannel) -> None:
        while channel.liveness is not None:
            value = channel.liveness.pop()
            if value is None:
                break
            if isinstance(value, Disconnected):
                if channel.state == UP and channel.watched:
                    self._mark_lost(channel)
            elif isinstance(value, Exception):
                # Without an alarm field there is nothing small to ask for.
                closer.close((channel.liveness,))
                channel.liveness = None
                self._watch(channel, EVERYTHING)
            else:
                if channel.state == DOWN:
                    self._ask(channel)
                self._mark_watched(channel)

    def _mark_watched(self, channel: PvaChannel) -> None:
        if not channel.watched:
            channel.watched = True
            for listener in channel.listeners:
                listener.channel_watched()

    def _mark_lost(self, channel: PvaChannel) -> None:
        channel.state = DOWN
        if channel.operation is not None:
            channel.operation.close()
            channel.operation = None
            channel.pending = False
            self._opening -= 1
        give_up(channel)
        for listener in channel.listeners:
            listener.channel_down(channel)

    def _doubt_silent(self, channels: Iterable[PvaChannel]) -> None:
        if not self._closed:
            for channel in channels:
                self.doubt(channel)

    def doubt(self, channel: PvaChannel) -> None:
        """Treat a channel as lost whose monitor does not answer; it is up again when the monitor does."""
        if channel.state == UP and not channel.watched:
            self._mark_lost(channel)

    # -- closing

    def release(self, channel: PvaChannel) -> None:
        """Close a channel soon, unless somebody uses it again before that."""
        if not self._unused and not self._closed:
            self.loop.call_soon(self._close_unused)
        self._unused.append(channel)

    def _close_unused(self) -> None:
        unused, self._unused = self._unused, []
        for channel in unused:
            if not channel.listeners and self._by_name.get(channel.name) is channel:
                del self._by_name[channel.name]
                self._end(channel)

    def _end(self, channel: PvaChannel) -> None:
        channel.state = DOWN
        if channel.operation is not None:
            self._opening -= 1
        closer.close(running for running in (channel.operation, channel.liveness) if running is not None)
        channel.operation = channel.liveness = None
        # pvxs itself closes channels without operations after a while. `Context.disconnect` would cut the operations
        # that another event loop has on the same name.

    def close(self) -> None:
        """Close all channels for good; whoever holds one sees it down."""
        self._closed = True
        for channel in self._by_name.values():
            self._end(channel)
        self._by_name.clear()
        closer.close(self._finished_operations)
        self._finished_operations = []
