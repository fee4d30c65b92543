"""Reading and writing over Channel Access: what is asked of servers, and their answers.

ADR 0012 and 0028 rule here.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from epicscorelibs.ca import dbr

from beamwright_runtime.channels.ca import libca, thread_states
from beamwright_runtime.channels.ca.channel import CaChannel, listeners_of, notify_up
from beamwright_runtime.channels.ca.control import decode_answer, decode_control
from beamwright_runtime.channels.ca.control_group import CaGroup, control_kind
from beamwright_runtime.channels.request import ChannelRequest, PutRequest
from beamwright_runtime.channels.user import UP
from beamwright_runtime.channels.wake_up import WakeUp
from beamwright_runtime.errors import PutRefusedError, ReadRefusedError

MANY = sys.maxsize if libca.PLAIN else 32
"""Channels from which on control information is asked for as a group (ADR 0012); never in the plain way."""


TEXT = 39
"""Bytes that Channel Access carries of one text."""
_PUT_REFUSED = 0
"""Stands where an answer has the number of its request."""
_SOON = object()
"""Stands for a request that leaves with the next `flush`."""


class CaRequests:
    """The requests of one event loop. Answers arrive on libca's threads, and are taken in the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake_up: WakeUp) -> None:
        self._loop = loop
        self._wake_up = wake_up
        self._answers: deque[tuple[int, int, Any]] = deque()
        self._waiting: dict[int, ChannelRequest] = {}
        self._unanswered: dict[int, list[PutRequest]] = {}
        self._decoders: dict[int, Callable[[int, int, int], Any]] = {}
        self._asking: dict[int, CaChannel] = {}
        self._number = 0
        self._to_ask: list[CaChannel] = []
        self._groups: set[CaGroup] = set()
        self._on_answer = libca.AnswerHandler(self._answer)

    async def get(self, channel: CaChannel, kind: int, decode: Callable[[int, int, int], Any]) -> Any:
        """Read a channel.

        :param kind: the DBR code to ask for.
        :param decode: turns the answer (address, DBR code, elements) into the value, on libca's thread.
        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises ReadRefusedError: if the server refuses.
        """
        channel.require_up()
        number = self._next()
        self._decoders[number] = decode
        chid = channel._as_parameter_
        request = ChannelRequest(channel.pv, self._loop)
        return await self._await_answer(
            request, number, lambda: libca.array_get(kind, 0, chid, self._on_answer, number)
        )

    async def put(self, channel: CaChannel, value: Any, kind: int | None, wait: bool) -> None:
        """Write a channel.

        :param kind: the DBR code to send, or None for the native type, and text as text.
        :param wait: until the record has processed; otherwise return when the server has taken the value.
        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises PutUnansweredError: if the channel is lost before the server answers.
        :raises PutRefusedError: if libca or the server refuses, or if the value is of another type.
        """
        channel.require_up()
        code, count, address, _keep = _sendable(channel, kind, value)
        chid, number = channel._as_parameter_, self._next()
        request = PutRequest(channel.pv, self._loop, value)
        if wait:
            await self._await_answer(
                request,
                number,
                lambda: libca.array_put_wait(code, count, chid, address, self._on_answer, number),
                channel,
            )
        else:
            await self._put_without_callback(
                channel, request, number, lambda: libca.array_put(code, count, chid, address)
            )

    async def _put_without_callback(
        self, channel: CaChannel, request: PutRequest, number: int, begin: Callable[[], int]
    ) -> None:
        """Send a put that only a refusal answers, and ask for something after it: a refusal comes before that."""
        chid = channel._as_parameter_

        def put_and_ask() -> int:
            status = begin()
            if status != libca.ECA_NORMAL:
                return status
            if libca.array_get(channel.dbf, 1, chid, self._on_answer, number) != libca.ECA_NORMAL:
                request.finish()  # it may not be read, so nothing can be asked
            return libca.ECA_NORMAL

        unanswered = self._unanswered.setdefault(chid, [])
        unanswered.append(request)
        libca.put_refused[chid] = self._put_refused
        try:
            await self._await_answer(request, number, put_and_ask, channel)
        finally:
            unanswered.remove(request)
            if not unanswered and self._unanswered.get(chid) is unanswered:
                del self._unanswered[chid], libca.put_refused[chid]

    def ask_control(self, channel: CaChannel) -> None:
        """Ask for control information; the channel's listeners are notified when it has arrived.

        Requests of one turn of the loop leave together.
        """
        if channel.pending or channel.state != UP:
            return
        channel.await_control(_SOON)
        if not self._to_ask:
            self._wake_up.ask()
        self._to_ask.append(channel)

    def _ask(self, channel: CaChannel) -> None:
        number = self._next()
        channel.await_control(number)
        self._asking[number] = channel
        self._decoders[number] = decode_answer
        status = libca.array_get(control_kind(channel), 1, channel._as_parameter_, self._on_answer, number)
        if status != libca.ECA_NORMAL:
            del self._asking[number], self._decoders[number]
            channel.set_control(ReadRefusedError(channel.pv, libca.message(status)))
            self._loop.call_soon(lambda: notify_up(channel.listeners))

    async def _await_answer(
        self, request: ChannelRequest, number: int, begin: Callable[[], int], channel: CaChannel | None = None
    ) -> Any:
        self._waiting[number] = request
        try:
            status = begin()
            if status != libca.ECA_NORMAL:
                raise request.refusal(_reason(status, channel))
            libca.flush_io()
            return await request.answer
        finally:
            self._waiting.pop(number, None)
            self._decoders.pop(number, None)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def flush(self) -> None:
        """Send the requests for control information."""
        asked, self._to_ask = self._to_ask, []
        asked = [channel for channel in asked if channel.pending is _SOON and channel.state == UP]
        if not asked:
            return
        if len(asked) >= MANY:
            group = CaGroup(self._loop, asked, self._finish_group)
            self._groups.add(group)
            for channel in asked:
                channel.await_control(group)
        else:
            for channel in asked:
                self._ask(channel)
        libca.flush_io()

    def _finish_group(self, group: CaGroup, answers: Iterable[tuple[CaChannel, int, bytes]]) -> None:
        self._groups.discard(group)
        answered = []
        for channel, kind, answer in answers:
            if channel.pending is not group or channel.state != UP:
                continue
            if not answer:
                self._ask(channel)
                continue
            channel.set_control(decode_control(answer, kind))
            answered.append(channel)
        notify_up(listeners_of(answered))
        libca.flush_io()

    def end(self) -> None:
        """End all groups."""
        for group in self._groups:
            group.end()
        self._groups.clear()

    def forget_closed(self) -> None:
        """Expect no more control information of channels that are closed."""
        for number in [number for number, channel in self._asking.items() if not channel._as_parameter_]:
            del self._asking[number]
            self._decoders.pop(number, None)

    def _answer(self, answer: Any) -> None:
        if not thread_states.thread.kept:
            thread_states.keep()
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

    def _put_refused(self, chid: int, status: int) -> None:
        self._answers.append((_PUT_REFUSED, status, chid))
        self._wake_up.ask()

    def dispatch(self) -> None:
        """Hand out the answers that have arrived."""
        answers = self._answers
        while answers:
            number, status, value = answers.popleft()
            channel = self._asking.pop(number, None)
            if channel is not None:
                self._set_control(channel, number, status, value)
                continue
            if number == _PUT_REFUSED:
                self._refuse_put(value, status)
            elif (request := self._waiting.pop(number, None)) is not None:
                self._finish(request, status, value)

    def _refuse_put(self, chid: int, status: int) -> None:
        """Refuse the oldest put: what came before it is answered already, and what came after it is not."""
        for request in self._unanswered.get(chid, ()):
            if not request.answer.done():
                request.fail(request.refusal(_reason(status)))
                return

    def _finish(self, request: ChannelRequest, status: int, value: Any) -> None:
        if status == libca.ECA_DISCONNECTED:
            request.fail(request.loss())
        elif status != libca.ECA_NORMAL:
            request.fail(request.refusal(_reason(status)))
        elif isinstance(value, Exception):
            request.fail(value)
        else:
            request.finish(value)

    def _set_control(self, channel: CaChannel, number: int, status: int, value: Any) -> None:
        # An answer from before a disconnection says nothing of what is served now.
        if channel.state != UP or channel.pending != number or status == libca.ECA_DISCONNECTED:
            return
        channel.set_control(
            value if status == libca.ECA_NORMAL else ReadRefusedError(channel.pv, libca.message(status))
        )
        notify_up(channel.listeners)


def _reason(status: int, channel: CaChannel | None = None) -> str:
    """Return why libca or a server refuses: libca's message, and what it means where that is not clear."""
    said: str = libca.message(status)
    if status == libca.ECA_PUTFAIL:
        return f"{said} (the record has DISP 1, or takes no such value)"
    if status == libca.ECA_BADCOUNT and channel is not None:
        return f"{said} (it holds {channel.count})"
    return said


def _sendable(channel: CaChannel, kind: int | None, value: Any) -> tuple[int, int, int, Any]:
    """Turn a value into what libca sends: DBR code, elements, address, and what keeps the memory there."""
    try:
        made: Any = dbr.value_to_dbr(channel, kind, value)
    except Exception as error:
        raise PutRefusedError(channel.pv, value, str(error)) from error
    code, count, address, texts = made
    if code == dbr.DBR_STRING and max(map(len, texts.tolist()), default=0) > TEXT:
        # libca looks at the first of several only, and servers cut the others off.
        raise PutRefusedError(channel.pv, value, f"Channel Access carries {TEXT} bytes of a text")
    return code, count, address, texts
