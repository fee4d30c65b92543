"""Reading and writing over PV Access."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ophyd_async.core import NotConnectedError
from p4p.client.raw import Disconnected, RemoteError

from beamwright_runtime._pva_channel import PvaChannel, context
from beamwright_runtime._pva_closing import closer


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
        :raises p4p.client.raw.RemoteError: if the server refuses; names the PV.
        """
        return await self._request(channel, lambda handler: context().get(channel.name, handler, request))

    async def put(self, channel: PvaChannel, value: Any, wait: bool, look_first: bool) -> None:
        """Write the value field of a channel.

        :param wait: until the record has processed.
        :param look_first: read the channel before, which putting the text of a state needs.
        :raises NotConnectedError: at once if the channel is down, or when it is lost; names the PV.
        :raises p4p.client.raw.RemoteError: if the server refuses; names the PV.
        """
        request = f"field()record[block={'true' if wait else 'false'},process=passive]"
        await self._request(
            channel,
            lambda handler: context().put(
                channel.name, handler, builder={"value": value}, request=request, get=look_first
            ),
        )

    async def _request(self, channel: PvaChannel, begin: Callable[[Callable[[Any], None]], Any]) -> Any:
        channel.require_up()
        future: asyncio.Future[Any] = self._loop.create_future()
        channel.waiting += (future,)
        operation = begin(lambda value: self._call(_finish, future, channel.name, value))
        try:
            return await future
        finally:
            closer.close((operation,))
            channel.waiting = tuple(other for other in channel.waiting if other is not future)


def give_up(channel: PvaChannel) -> None:
    """End the requests that a channel has not answered: it is lost."""
    for future in channel.waiting:
        _finish(future, channel.name, Disconnected())


def _finish(future: asyncio.Future[Any], name: str, value: Any) -> None:
    if future.done():
        return
    if isinstance(value, Disconnected):
        future.set_exception(NotConnectedError(f"pva://{name}: disconnected before it answered"))
    elif isinstance(value, RemoteError):
        future.set_exception(RemoteError(f"pva://{name}: {value}"))
    elif isinstance(value, Exception):
        value.add_note(f"pva://{name}")
        future.set_exception(value)
    else:
        future.set_result(value)
