"""Reading and writing over PV Access."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from p4p.client.raw import Disconnected, RemoteError

from beamwright_runtime.channels.pva.channel import PvaChannel, context
from beamwright_runtime.channels.pva.closer import closer
from beamwright_runtime.channels.request import ChannelRequest, PutRequest


class PvaRequests:
    """The requests of one event loop. Answers arrive on p4p's thread, and are taken in the loop.

    :param call: has a function called in the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[..., None]) -> None:
        self._loop = loop
        self._call = call

    async def get(self, channel: PvaChannel, request: str | None = None) -> Any:
        """Read a channel.

        :param request: which fields, such as `field(value,alarm)`; all without it.
        :raises NotConnectedError: at once if the channel is down, or when it is lost; names the PV.
        :raises ReadRefusedError: if the server refuses.
        """
        channel.require_up()
        return await self._answer(
            channel,
            ChannelRequest(channel.pv, self._loop),
            lambda handler: context().get(channel.name, handler, request),
        )

    async def put(self, channel: PvaChannel, value: Any, wait: bool, look_first: bool) -> None:
        """Write the value field of a channel.

        :param wait: until the record has processed.
        :param look_first: read the channel before, which putting the text of a state needs.
        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises PutUnansweredError: if the channel is lost before the server answers.
        :raises PutRefusedError: if the server refuses, or if the value is of another type.
        """
        channel.require_up()
        request = f"field()record[block={'true' if wait else 'false'},process=passive]"
        await self._answer(
            channel,
            PutRequest(channel.pv, self._loop, value),
            lambda handler: context().put(
                channel.name, handler, builder={"value": value}, request=request, get=look_first
            ),
        )

    async def _answer(
        self, channel: PvaChannel, request: ChannelRequest, begin: Callable[[Callable[[Any], None]], Any]
    ) -> Any:
        channel.waiting += (request,)
        operation = begin(lambda value: self._call(_finish, request, value))
        try:
            return await request.answer
        finally:
            closer.close((operation,))
            channel.waiting = tuple(other for other in channel.waiting if other is not request)


def give_up(channel: PvaChannel) -> None:
    """End the requests that a channel has not answered: it is lost."""
    for request in channel.waiting:
        request.fail(request.loss())


def _finish(request: ChannelRequest, value: Any) -> None:
    if isinstance(value, Disconnected):
        request.fail(request.loss())
    elif isinstance(value, RemoteError) or (isinstance(value, Exception) and isinstance(request, PutRequest)):
        refusal = request.refusal(str(value) or type(value).__name__)
        refusal.__cause__ = value
        request.fail(refusal)
    elif isinstance(value, Exception):
        value.add_note(request.pv)
        request.fail(value)
    else:
        request.finish(value)
