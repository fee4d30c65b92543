"""One PV over PV Access: what is known of it, and its subscriptions."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable
from typing import Any

from ophyd_async.core import NotConnectedError
from p4p.client.raw import Context, Disconnected

from beamwright_runtime.channels.pool import ChannelPool
from beamwright_runtime.channels.pva.closer import closer
from beamwright_runtime.channels.request import ChannelRequest
from beamwright_runtime.channels.user import NEVER, UP

logger = logging.getLogger("beamwright")

_context: Context | None = None


def context() -> Context:
    """Return the one client context of this process."""
    global _context
    if _context is None:
        _context = Context("pva", nt=False, useenv=True)
        atexit.register(_context.close)
    return _context


class PvaChannel:
    """One PV over PV Access, shared by all who use its name, and closed when the last of them lets it go.

    :ivar state: `NEVER`, `UP` or `DOWN`.
    :ivar type_id: the id of its structure, such as `epics:nt/NTScalar:1.0`; kept while the channel is down.
    :ivar specifier: the type of its value, as p4p writes it.
    :ivar control: states of an enum, or the precision of a real number.
    :ivar error: why the server does not let it be read; empty if it does.
    :ivar waiting: the requests that it has not answered yet.
    :ivar watched: whether a monitor has answered, so that a disconnection is noticed.
    """

    __slots__ = (
        "control",
        "error",
        "listeners",
        "liveness",
        "name",
        "operation",
        "pending",
        "pool",
        "specifier",
        "state",
        "type_id",
        "waiting",
        "watched",
    )

    def __init__(self, name: str, pool: ChannelPool) -> None:
        self.name = name
        self.pool = pool
        self.state = NEVER
        self.type_id = ""
        self.specifier = ""
        self.control: Any = None
        self.error = ""
        self.pending = False
        self.watched = False
        self.operation: Any = None
        self.liveness: Any = None
        self.listeners: tuple[Any, ...] = ()
        self.waiting: tuple[ChannelRequest, ...] = ()

    def __repr__(self) -> str:
        return f"<pva://{self.name} {('never found', 'up', 'down')[self.state]}>"

    @property
    def pv(self) -> str:
        """Its name with the protocol."""
        return f"pva://{self.name}"

    def require_up(self) -> None:
        """Raise `NotConnectedError`, which names the PV, unless the channel is connected."""
        if self.state != UP:
            said = "has never been found" if self.state == NEVER else "is disconnected"
            raise NotConnectedError(f"{self.pv} {said}")

    def note(self, value: Any) -> None:
        """Record what the server answered: a structure, or why it may not be read."""
        if isinstance(value, Exception):
            self.error = str(value) or type(value).__name__
            return
        self.error = ""
        self.type_id = value.getID()
        self.specifier = specifier_of(value)
        self.control = None
        if self.type_id == "epics:nt/NTEnum:1.0":
            self.control = tuple(value["value"]["choices"])
        elif self.specifier in ("f", "d"):
            self.control = value.get("display.precision")


def specifier_of(value: Any) -> str:
    """Return the type of the value field as p4p writes it; empty if there is no such field."""
    try:
        described = value.type("value").aspy()
    except KeyError:
        return ""
    return described[0] if isinstance(described, tuple) else str(described)


class PvaMonitor:
    """A subscription, until it is closed; it survives disconnections.

    :param request: which fields, such as `field(value,alarm)`.
    :param callback: takes each update, in the event loop.
    :param call: has a function called in that loop.
    """

    def __init__(
        self, channel: PvaChannel, request: str, callback: Callable[[Any], None], call: Callable[..., None]
    ) -> None:
        self._channel = channel
        self._callback = callback
        self._call = call
        self._subscription: Any = context().monitor(channel.name, self._ready, request)

    def _ready(self) -> None:
        self._call(self._dispatch)

    def _dispatch(self) -> None:
        while self._subscription is not None:
            value = self._subscription.pop()
            if value is None:
                return
            if isinstance(value, Exception):
                if not isinstance(value, Disconnected):
                    logger.error("pva://%s: %s", self._channel.name, value)
                continue
            try:
                self._callback(value)
            except Exception:
                logger.exception("pva://%s: an update could not be handled", self._channel.name)

    def close(self) -> None:
        """End it; no further callback comes."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            closer.close((subscription,))
