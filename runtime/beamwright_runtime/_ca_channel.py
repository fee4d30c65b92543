"""One PV over Channel Access: what is known of it, and who is told when that changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from ophyd_async.core import NotConnectedError

from beamwright_runtime import _ca_library as libca
from beamwright_runtime._channel_user import NEVER, UP

if TYPE_CHECKING:
    from beamwright_runtime._ca_channels import CaChannels


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

    def came_up(self, dbf: int, count: int, readable: int) -> None:
        """Take what libca says of the channel when it is connected; what was asked for before is forgotten."""
        self.dbf = dbf
        self.count = count
        self.readable = readable != 0
        self.control = None
        self.asked = False
        self.state = UP

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
