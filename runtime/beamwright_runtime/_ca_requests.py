"""Reading and writing over Channel Access: what is asked of servers, and their answers."""

from __future__ import annotations

import asyncio
import ctypes
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from aioca import CANothing
from epicscorelibs.ca import dbr
from ophyd_async.core import NotConnectedError

from beamwright_runtime import _ca_library as libca
from beamwright_runtime._ca_channel import Channel, listeners_of, tell_up
from beamwright_runtime._ca_group import CaGroup, control_kind
from beamwright_runtime._channel_user import UP
from beamwright_runtime._wake_up import WakeUp

MANY = 32
"""Channels from which on control information is asked for as a group."""


_SOON = object()
"""Stands for a request that leaves with the next `flush`."""


class CaRequests:
    """The requests of one event loop. Answers arrive on libca's threads, and are taken in the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake_up: WakeUp) -> None:
        self._loop = loop
        self._wake_up = wake_up
        self._answers: deque[tuple[int, int, Any]] = deque()
        self._waiting: dict[int, tuple[asyncio.Future[Any], str]] = {}
        self._decoders: dict[int, Callable[[int, int, int], Any]] = {}
        self._asking: dict[int, Channel] = {}
        self._number = 0
        self._to_ask: list[Channel] = []
        self._groups: set[CaGroup] = set()
        self._on_answer = libca.AnswerHandler(self._answer)

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

    def ask_control(self, channel: Channel) -> None:
        """Ask for control information; the channel's listeners are told when it has arrived.

        Requests of one turn of the loop leave together.
        """
        if channel.asked or channel.state != UP:
            return
        channel.ask(_SOON)
        if not self._to_ask:
            self._wake_up.ask()
        self._to_ask.append(channel)

    def _ask(self, channel: Channel) -> None:
        number = self._next()
        channel.ask(number)
        self._asking[number] = channel
        self._decoders[number] = _decode_answer
        status = libca.array_get(control_kind(channel), 1, channel._as_parameter_, self._on_answer, number)
        if status != libca.ECA_NORMAL:
            del self._asking[number], self._decoders[number]
            channel.answered(CANothing(channel.name, status))
            self._loop.call_soon(lambda: tell_up(channel.listeners))

    async def _request(self, channel: Channel, begin: Callable[[int], int], number: int) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
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

    def _next(self) -> int:
        self._number += 1
        return self._number

    def flush(self) -> None:
        """Send the requests for control information."""
        asked, self._to_ask = self._to_ask, []
        asked = [channel for channel in asked if channel.asked is _SOON and channel.state == UP]
        if not asked:
            return
        if len(asked) >= MANY:
            group = CaGroup(self._loop, asked, self._take_group)
            self._groups.add(group)
            for channel in asked:
                channel.ask(group)
        else:
            for channel in asked:
                self._ask(channel)
        libca.flush_io()

    def _take_group(self, group: CaGroup, answers: Iterable[tuple[Channel, int, bytes]]) -> None:
        self._groups.discard(group)
        answered = []
        for channel, kind, answer in answers:
            if channel.asked is not group or channel.state != UP:
                continue
            if not answer:
                self._ask(channel)
                continue
            channel.answered(decode_control(answer, kind))
            answered.append(channel)
        tell_up(listeners_of(answered))
        libca.flush_io()

    def end(self) -> None:
        """Take no more answers of groups."""
        for group in self._groups:
            group.end()
        self._groups.clear()

    def forget_closed(self) -> None:
        """Expect no more control information of channels that are closed."""
        for number in [number for number, channel in self._asking.items() if not channel._as_parameter_]:
            del self._asking[number]
            self._decoders.pop(number, None)

    def _answer(self, answer: Any) -> None:
        if not libca.thread.kept:
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
        self._wake_up.ask()

    def take(self) -> None:
        """Hand out the answers that have arrived."""
        answers = self._answers
        while answers:
            number, status, value = answers.popleft()
            channel = self._asking.pop(number, None)
            if channel is not None:
                self._informed(channel, number, status, value)
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

    def _informed(self, channel: Channel, number: int, status: int, value: Any) -> None:
        # An answer from before a disconnection says nothing of what is served now.
        if channel.state != UP or channel.asked != number or status == libca.ECA_DISCONNECTED:
            return
        channel.answered(value if status == libca.ECA_NORMAL else CANothing(channel.name, status))
        tell_up(channel.listeners)


_PRECISIONS: Mapping[int, int] = {
    dbr.DBR_CTRL_FLOAT: dbr.dbr_ctrl_float.precision.offset,
    dbr.DBR_CTRL_DOUBLE: dbr.dbr_ctrl_double.precision.offset,
}
_short = struct.Struct("h").unpack_from
_STATES = slice(dbr.dbr_ctrl_enum.no_str.offset, dbr.dbr_ctrl_enum.raw_value.offset)


def _decode_answer(address: int, kind: int, count: int) -> Any:
    size = ctypes.sizeof(dbr.DbrCodeToType[kind])
    return decode_control(ctypes.string_at(address, size), kind)


def decode_control(answer: bytes, kind: int) -> Any:
    """Take the states of an enum, or the precision of a real number.

    :param answer: which libca gave.
    :param kind: its DBR code.
    """
    if kind == dbr.DBR_CTRL_ENUM:
        return _states(answer[_STATES])
    offset = _PRECISIONS.get(kind)
    return () if offset is None else _short(answer, offset)[0]


@lru_cache(maxsize=1024)  # thousands of records have the same few
def _states(served: bytes) -> tuple[str, ...]:
    (count,) = _short(served)
    room = dbr.dbr_ctrl_enum.raw_strs
    start, width = room.offset - _STATES.start, room.size // dbr.MAX_ENUM_STATES
    texts = (served[at : at + width] for at in range(start, start + count * width, width))
    return tuple(text.partition(b"\0")[0].decode("utf-8", "replace") for text in texts)
