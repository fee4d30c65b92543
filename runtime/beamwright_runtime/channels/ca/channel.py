"""One PV over Channel Access: what is known of it, and who is notified when that changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from operator import attrgetter
from typing import Any, Protocol

from ophyd_async.core import NotConnectedError

from beamwright_runtime.channels.ca import libca
from beamwright_runtime.channels.pool import ChannelPool
from beamwright_runtime.channels.user import DOWN, NEVER, PENDING, READY, UP, Watch

ARRAY = 64
"""Added to a native type that is served as several elements; more than any native type."""
DOUBTED = -1
"""Stands for what is served where that is not certain."""


class Listener(Protocol):
    """Uses a channel, and is notified of its changes in the channel's event loop.

    :ivar datatype: the type that is declared, if any is.
    :ivar watches: those who count it.
    """

    datatype: Any
    watches: tuple[Watch, ...]

    def recognise(self) -> bool | None:
        """Return whether it is ready now, which the caller counts; None if that needs an answer from the server."""

    def channel_up(self) -> None:
        """Handle a channel that is connected, or whose control information has arrived."""

    def channel_down(self, channel: CaChannel) -> None:
        """Handle the loss of a channel."""


class CaChannel:
    """One PV over Channel Access, shared by all who use its name, and closed when the last of them lets it go.

    :ivar state: `NEVER`, `UP` or `DOWN`.
    :ivar dbf: the native type as a DBR code, -1 before the first connection; kept while the channel is down.
    :ivar count: the native number of elements; kept while the channel is down.
    :ivar control: states or precision, where somebody asked since the last connection, or why there are none.
    :ivar pending: the request for it that is on its way.
    :ivar served: what it serves while nothing of that is in doubt: the native type, plus `ARRAY` for several elements.
        `DOUBTED` while the channel is down, may not be read, or its control information is awaited or refused.
    """

    __slots__ = (
        "_as_parameter_",
        "control",
        "count",
        "dbf",
        "listeners",
        "name",
        "pending",
        "pool",
        "readable",
        "served",
        "state",
    )

    def __init__(self, name: str, pool: ChannelPool) -> None:
        self.name = name
        self.pool = pool
        self._as_parameter_ = 0
        self.state = NEVER
        self.dbf = -1
        self.count = 0
        self.readable = True
        self.pending: object = None
        self.control: Any = None
        self.served = DOUBTED
        self.listeners: tuple[Listener, ...] = ()

    def __repr__(self) -> str:
        return f"<ca://{self.name} {('never found', 'up', 'down')[self.state]}>"

    def mark_down(self) -> None:
        """Mark the channel as lost. Its type is kept, and the pending request is forgotten."""
        self.state = DOWN
        self.control = None
        self.pending = None
        self.served = DOUBTED

    def await_control(self, request: object) -> None:
        """Await control information; `request` tells its answer from those of others."""
        self.pending = request
        self.control = None
        self.served = DOUBTED

    def set_control(self, control: Any) -> None:
        """Set the control information, or the exception that says why there is none."""
        self.pending = None
        self.control = control
        if self.readable and not isinstance(control, Exception):
            self.served = self.dbf + ARRAY if self.count > 1 else self.dbf

    @property
    def pv(self) -> str:
        """Its name with the protocol."""
        return f"ca://{self.name}"

    def require_up(self) -> None:
        """Raise `NotConnectedError`, which names the PV, unless the channel is connected here and now."""
        if self.state != UP or libca.field_type(self._as_parameter_) < 0:
            said = "has never been found" if self.state == NEVER else "is disconnected"
            raise NotConnectedError(f"{self.pv} {said}")
        if self.pool.loop is not asyncio.get_running_loop():
            raise RuntimeError(f"{self.pv} was connected in another event loop: connect its device in this one")


def mark_up(channels: Iterable[CaChannel], dbf: int, count: int, may_read: int) -> None:
    """Mark channels as connected that have the same type, size and access."""
    readable = may_read != 0
    served = (dbf + ARRAY if count > 1 else dbf) if readable else DOUBTED
    for channel in channels:
        channel.dbf = dbf
        channel.count = count
        channel.readable = readable
        channel.state = UP
        channel.served = served


_listeners = attrgetter("listeners")


def listeners_of(channels: Iterable[CaChannel]) -> list[Listener]:
    """Return all who listen to channels, each once."""
    return list(dict.fromkeys(chain.from_iterable(map(_listeners, channels))))


def notify_up(listeners: Iterable[Listener]) -> None:
    """Notify listeners that their channels are up; those who count them are notified at the end."""
    ready = []
    for listener in listeners:
        recognised = listener.recognise()
        if recognised:
            ready.append(listener.watches)
        elif recognised is None:
            listener.channel_up()
    for watches, many in Counter(ready).items():
        for watch in watches:
            watch.count_change(PENDING, READY, many)
