"""Channel Access channels, opened and watched many at a time."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol

from aioca import CANothing
from epicscorelibs.ca import dbr
from ophyd_async.core import NotConnectedError

from beamwright_runtime import _ca_library as libca
from beamwright_runtime._channel_user import DOWN, NEVER, UP
from beamwright_runtime._search import SearchPace

logger = logging.getLogger("beamwright")


class Listener(Protocol):
    """Is told of changes of a channel it uses, in the channel's event loop."""

    def channel_up(self, channel: Channel) -> None:
        """Take note that the channel is connected, or that its control information has arrived."""

    def channel_down(self, channel: Channel) -> None:
        """Take note that the channel is lost."""


class Channel:
    """One PV over Channel Access, shared by all who use its name, and closed when the last of them lets it go.

    :ivar state: `NEVER`, `UP` or `DOWN`.
    :ivar dbf: the native type as a DBR code, -1 before the first connection; kept while the channel is down.
    :ivar count: the native number of elements; kept while the channel is down.
    :ivar control: units, limits, states or precision, where somebody asked since the last connection.
    """

    __slots__ = (
        "_as_parameter_",
        "asked",
        "control",
        "count",
        "dbf",
        "listeners",
        "name",
        "pool",
        "readable",
        "state",
    )

    def __init__(self, name: str, pool: CaChannels) -> None:
        self.name = name
        self.pool = pool
        self._as_parameter_ = 0
        self.state = NEVER
        self.dbf = -1
        self.count = 0
        self.readable = True
        self.asked = False
        self.control: Any = None
        self.listeners: tuple[Listener, ...] = ()

    def __repr__(self) -> str:
        return f"<ca://{self.name} {('never found', 'up', 'down')[self.state]}>"

    def require_up(self) -> None:
        """Raise `NotConnectedError`, which names the PV, unless the channel is connected here and now."""
        if self.state != UP or self.pool.is_down(self._as_parameter_):
            said = "has never been found" if self.state == NEVER else "is disconnected"
            raise NotConnectedError(f"ca://{self.name} {said}")
        if self.pool.loop is not asyncio.get_running_loop():
            raise RuntimeError(f"ca://{self.name} was connected in another event loop: connect its device in this one")

    @property
    def host(self) -> str:
        """Address of the server that has the PV, while connected."""
        return bytes(libca.host_name(self._as_parameter_)).decode() if self.state == UP else ""


class CaMonitor:
    """A subscription, until it is closed; it survives disconnections."""

    def __init__(
        self,
        channel: Channel,
        decode: Callable[[int, int, int], Any],
        callback: Callable[[Any], None],
        every_update: bool,
    ) -> None:
        self.channel = channel
        self.every_update = every_update
        self.decode = decode
        self.callback = callback
        self.handle = ctypes.c_void_p()
        self.number = 0

    def close(self) -> None:
        """End it; no further callback comes."""
        self.channel.pool.end_monitor(self)


class CaChannels:
    """The channels of one event loop. Use `CaChannels.here()`; all methods are called in that loop.

    libca calls back on threads of its own. What it says is queued, the loop is woken once, and takes all of it.
    """

    _of_loop: ClassVar[dict[asyncio.AbstractEventLoop, CaChannels]] = {}

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        libca.use_context()
        self.loop = loop
        self.pace = SearchPace()
        self._by_name: dict[str, Channel] = {}
        self._by_chid: dict[int, Channel] = {}
        self._uncreated: deque[Channel] = deque()
        self._unused: list[Channel] = []
        self._events: deque[tuple[int, int]] = deque()
        self._answers: deque[tuple[int, int, Any]] = deque()
        self._updates: deque[tuple[int, Any]] = deque()
        self._waiting: dict[int, tuple[asyncio.Future[Any], str]] = {}
        self._decoders: dict[int, Callable[[int, int, int], Any]] = {}
        self._asking: dict[int, Channel] = {}
        self._monitors: dict[int, CaMonitor] = {}
        self._number = 0
        self._awake = False
        self._unflushed = False
        self._closed = False
        self._chid = ctypes.c_void_p()
        self._on_connection = libca.connection_handler(self._connection)
        self._on_answer = libca.AnswerHandler(self._answer)
        self._on_update = libca.AnswerHandler(self._update)

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
        chid, by_chid, on_connection = self._chid, self._by_chid, self._on_connection
        address = ctypes.addressof(chid)
        for _ in range(min(len(self._uncreated), self.pace.batch)):
            channel = self._uncreated.popleft()
            status = libca.create_channel(channel.name.encode(), on_connection, 0, 0, address)
            if status != libca.ECA_NORMAL:
                logger.error("ca://%s: %s", channel.name, libca.message(status))
                continue
            handle = chid.value or 0
            channel._as_parameter_ = handle
            by_chid[handle] = channel
        libca.flush_io()
        if self._uncreated:
            self.pace.busy = True
            self.loop.call_later(self.pace.pause, self._create)

    def release(self, channel: Channel) -> None:
        """Close a channel soon, unless somebody uses it again before that."""
        if not self._unused and not self._closed:
            self.loop.call_soon(self._clear_unused)
        self._unused.append(channel)

    def _clear_unused(self) -> None:
        unused, self._unused = self._unused, []
        gone: list[int] = []
        for channel in unused:
            handle = channel._as_parameter_
            if channel.listeners or self._by_name.get(channel.name) is not channel:
                continue
            del self._by_name[channel.name]
            channel.state = DOWN
            channel._as_parameter_ = 0
            if handle:
                libca.clear_channel(handle)
                gone.append(handle)
            else:
                self._uncreated.remove(channel)
        # No callback comes after a channel is cleared, but some may be queued; they must be taken before libca gives
        # the same address to another channel.
        self._take_events()
        for handle in gone:
            del self._by_chid[handle]
        for number in [number for number, channel in self._asking.items() if not channel._as_parameter_]:
            del self._asking[number]
            self._decoders.pop(number, None)
        libca.flush_io()
        libca.drop_thread_states()

    def close(self) -> None:
        """Close all channels for good; whoever holds one sees it down."""
        if self._closed:
            return
        self._closed = True
        for monitor in list(self._monitors.values()):
            self.end_monitor(monitor)
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

    def _connection(self, chid: int, op: int) -> None:
        libca.keep_thread_state()
        self._events.append((chid, op))
        if not self._awake:
            self._wake()

    def _answer(self, answer: Any) -> None:
        libca.keep_thread_state()
        number, status = answer.usr, answer.status
        value: Any = None
        decode = self._decoders.pop(number, None)
        if decode is not None and status == libca.ECA_NORMAL:
            try:
                value = decode(answer.raw_dbr, answer.type, answer.count)
            except Exception as error:
                value = error
        self._answers.append((number, status, value))
        if not self._awake:
            self._wake()

    def _update(self, answer: Any) -> None:
        libca.keep_thread_state()
        monitor = self._monitors.get(answer.usr)
        if monitor is None or answer.status != libca.ECA_NORMAL:
            return
        try:
            value = monitor.decode(answer.raw_dbr, answer.type, answer.count)
        except Exception as error:
            value = error
        self._updates.append((answer.usr, value))
        if not self._awake:
            self._wake()

    def _wake(self) -> None:
        self._awake = True
        try:
            self.loop.call_soon_threadsafe(self._take)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            self._awake = False

    # -- what the loop takes

    def _take(self) -> None:
        self._awake = False
        if self._closed:
            return
        self._take_events()
        self._take_answers()
        self._take_updates()
        if self._unflushed:
            self._unflushed = False
            libca.flush_io()

    def _take_events(self) -> None:
        events, by_chid = self._events, self._by_chid
        field_type, element_count, read_access = libca.field_type, libca.element_count, libca.read_access
        while events:
            chid, op = events.popleft()
            channel = by_chid.get(chid)
            if channel is None or not channel._as_parameter_:
                continue
            if op == libca.OP_UP:
                dbf = field_type(chid)
                if dbf < 0:  # it went down again, which the next event tells
                    continue
                channel.dbf = dbf
                channel.count = element_count(chid)
                channel.readable = bool(read_access(chid))
                channel.control = None
                channel.asked = False
                channel.state = UP
                for listener in channel.listeners:
                    listener.channel_up(channel)
            elif channel.state == UP:
                channel.state = DOWN
                for listener in channel.listeners:
                    listener.channel_down(channel)

    def _take_answers(self) -> None:
        answers = self._answers
        while answers:
            number, status, value = answers.popleft()
            channel = self._asking.pop(number, None)
            if channel is not None:
                self._informed(channel, status, value)
                continue
            waiting = self._waiting.pop(number, None)
            if waiting is None:
                continue
            future, name = waiting
            if future.done():
                continue
            if status == libca.ECA_DISCONNECTED:
                future.set_exception(NotConnectedError(f"ca://{name}: disconnected before it answered"))
            elif status != libca.ECA_NORMAL:
                future.set_exception(CANothing(name, status))
            elif isinstance(value, Exception):
                future.set_exception(value)
            else:
                future.set_result(value)

    def _informed(self, channel: Channel, status: int, value: Any) -> None:
        # An answer from before a disconnection says nothing of what is served now.
        if channel.state != UP or not channel.asked or status == libca.ECA_DISCONNECTED:
            return
        channel.asked = False
        channel.control = value if status == libca.ECA_NORMAL else CANothing(channel.name, status)
        for listener in channel.listeners:
            listener.channel_up(channel)

    def _take_updates(self) -> None:
        updates = self._updates
        later: dict[int, int] = {}
        for number, _ in list(updates):
            later[number] = later.get(number, 0) + 1
        while updates:
            number, value = updates.popleft()
            later[number] = left = later.get(number, 1) - 1
            monitor = self._monitors.get(number)
            if monitor is None or (left > 0 and not monitor.every_update):
                continue
            try:
                if isinstance(value, Exception):
                    raise value
                monitor.callback(value)
            except Exception:
                logger.exception("ca://%s: an update was not taken", monitor.channel.name)

    # -- requests

    def ask_control(self, channel: Channel) -> None:
        """Ask for control information; the channel's listeners are told when it has arrived.

        Requests of one turn of the loop leave together.
        """
        if channel.asked or channel.state != UP:
            return
        channel.asked = True
        kind = dbr.DBR_TIME_STRING if channel.dbf == dbr.DBR_STRING else channel.dbf + 28
        number = self._next()
        self._asking[number] = channel
        self._decoders[number] = decode_control
        status = libca.array_get(kind, 1, channel._as_parameter_, self._on_answer, number)
        if status != libca.ECA_NORMAL:
            del self._asking[number], self._decoders[number]
            channel.control = CANothing(channel.name, status)
            channel.asked = False
            self.loop.call_soon(self._tell, channel)
        elif not self._unflushed:
            self._unflushed = True
            if not self._awake:
                self._wake()

    def _tell(self, channel: Channel) -> None:
        for listener in channel.listeners:
            listener.channel_up(channel)

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _request(self, channel: Channel, begin: Callable[[int], int], number: int) -> Any:
        future: asyncio.Future[Any] = self.loop.create_future()
        self._waiting[number] = (future, channel.name)
        try:
            status = begin(number)
            if status != libca.ECA_NORMAL:
                raise CANothing(channel.name, status)
            libca.flush_io()
            return await future
        finally:
            self._waiting.pop(number, None)
            self._decoders.pop(number, None)

    async def get(self, channel: Channel, kind: int, decode: Callable[[int, int, int], Any]) -> Any:
        """Read a channel.

        :param kind: the DBR code to ask for.
        :param decode: turns the answer (address, DBR code, elements) into the value, on libca's thread.
        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises aioca.CANothing: if the server refuses.
        """
        channel.require_up()
        number = self._next()
        self._decoders[number] = decode
        chid = channel._as_parameter_
        return await self._request(channel, lambda n: libca.array_get(kind, 0, chid, self._on_answer, n), number)

    async def put(self, channel: Channel, value: Any, kind: int | None, wait: bool) -> None:
        """Write a channel.

        :param kind: the DBR code to send, or None for the native type, and text as text.
        :param wait: until the record has processed; otherwise return when the value is sent.
        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises aioca.CANothing: if the server refuses.
        """
        channel.require_up()
        code, count, address, _keep = dbr.value_to_dbr(channel, kind, value)
        chid = channel._as_parameter_
        if wait:
            await self._request(
                channel, lambda n: libca.array_put_wait(code, count, chid, address, self._on_answer, n), self._next()
            )
            return
        status = libca.array_put(code, count, chid, address)
        if status != libca.ECA_NORMAL:
            raise CANothing(channel.name, status)
        libca.flush_io()

    def monitor(
        self,
        channel: Channel,
        kind: int,
        mask: int,
        decode: Callable[[int, int, int], Any],
        callback: Callable[[Any], None],
        every_update: bool = True,
    ) -> CaMonitor:
        """Have a callback called with each update of a channel, in the loop.

        :param kind: the DBR code to ask for.
        :param mask: which changes count, of `DBE_VALUE`, `DBE_ALARM` and so on.
        :param every_update: otherwise only the last of those that arrived together.
        """
        monitor = CaMonitor(channel, decode, callback, every_update)
        monitor.number = self._next()
        self._monitors[monitor.number] = monitor
        status = libca.create_subscription(
            kind,
            0,
            channel._as_parameter_,
            mask,
            self._on_update,
            monitor.number,
            ctypes.addressof(monitor.handle),
        )
        if status != libca.ECA_NORMAL:
            del self._monitors[monitor.number]
            raise CANothing(channel.name, status)
        libca.flush_io()
        return monitor

    def end_monitor(self, monitor: CaMonitor) -> None:
        """End a subscription."""
        if self._monitors.pop(monitor.number, None) is not None and monitor.channel._as_parameter_:
            libca.clear_subscription(monitor.handle)
            libca.flush_io()


_CONTROL_TYPES = {
    dbr.DBR_CTRL_ENUM: dbr.dbr_ctrl_enum,
    dbr.DBR_CTRL_FLOAT: dbr.dbr_ctrl_float,
    dbr.DBR_CTRL_DOUBLE: dbr.dbr_ctrl_double,
}


def decode_control(address: int, kind: int, count: int) -> Any:
    """Take the states of an enum, or the precision of a real number."""
    layout: Any = _CONTROL_TYPES.get(kind)
    if layout is None:
        return ()
    served = layout.from_address(address)
    if kind == dbr.DBR_CTRL_ENUM:
        return tuple(bytes(text.value).decode("utf-8", "replace") for text in served.raw_strs[: served.no_str])
    return int(served.precision)


def _close_all() -> None:
    for pool in CaChannels._of_loop.values():
        pool.close()
    CaChannels._of_loop.clear()
