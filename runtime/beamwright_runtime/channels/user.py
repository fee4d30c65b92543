"""What signals and commands have in common: they use channels, and are ready, at fault or pending.

ADR 0013 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from ophyd_async.core import DEFAULT_TIMEOUT, NotConnectedError

from beamwright_runtime.channels.pool import ChannelPool
from beamwright_runtime.errors import Fault, Reason

PENDING, READY, FAULTY = 0, 1, 2
"""Whether a signal waits for its server, is connected with the right type, or has another type than declared."""

NEVER, UP, DOWN = 0, 1, 2
"""States of a channel: not found yet, connected, lost after it was connected."""


class Watch(Protocol):
    """Counts how far the users of channels are."""

    def count_change(self, before: int, now: int, many: int = 1) -> None:
        """Count some of them that went from one status to another."""

    def watch_added(self) -> None:
        """Note that one more of them is monitored."""


class ChannelUser:
    """A signal's or command's backend: uses one or two channels and checks what they serve."""

    protocol: str
    channels: tuple[Any, ...]
    watches: tuple[Watch, ...]
    _fault: Fault | None = None
    status: int
    datatype: Any = None
    watched_by_monitor = False
    """Whether the loss of a channel is only noticed while it is monitored."""

    def init_use(self) -> None:
        """Use no channels yet.

        Attributes that were first set when it connects would cost each user a dictionary of its own.
        """
        self.channels = ()
        self.watches = ()
        self.status = PENDING

    def names(self) -> tuple[str, ...]:
        """Return the names of the channels it needs."""
        raise NotImplementedError

    def pool(self) -> ChannelPool:
        """Return the channels of its protocol in the running event loop."""
        raise NotImplementedError

    def check(self) -> Fault | None:
        """Compare what the channels serve with what is declared; raise `TypePending` if that is still to come."""
        raise NotImplementedError

    def use(self, channels: tuple[Any, ...]) -> None:
        """Use these channels, given in the order of `names`."""
        if self.channels:
            if all(new is old for new, old in zip(channels, self.channels, strict=True)):
                return
            self.release()
        self.channels = channels
        alone = (self,)
        for channel in channels:
            channel.listeners = channel.listeners + alone if channel.listeners else alone
        if channels[0].state == UP:
            self.channel_up()

    def release(self) -> None:
        """Let the channels go; those that nobody else uses are closed."""
        channels, self.channels = self.channels, ()
        self._fault = None
        for channel in channels:
            channel.listeners = tuple(user for user in channel.listeners if user is not self)
            if not channel.listeners:
                channel.pool.release(channel)
        self._move(PENDING)

    def channel_up(self) -> None:
        """Check as soon as all channels are up."""
        for used in self.channels:
            if used.state != UP:
                return
        try:
            fault = self.check()
        except TypePending:
            return
        self._fault = fault
        self._move(READY if fault is None else FAULTY)

    def channel_down(self, channel: Any) -> None:
        """Wait for the channel to come back."""
        self._fault = None
        self._move(PENDING)

    def recheck(self) -> None:
        """Check anew, with what the server says now."""
        for channel in self.channels:
            channel.pool.ask_control(channel)
        self._fault = None
        self._move(PENDING)

    @property
    def watched(self) -> bool:
        """Whether its channels are monitored, so that a disconnection is noticed; over Channel Access it always is."""
        return True

    def doubt(self) -> None:
        """Treat the channels as lost whose loss would go unnoticed."""
        for channel in self.channels:
            channel.pool.doubt(channel)

    def channel_watched(self) -> None:
        """Note that a channel is monitored from now on."""
        for watch in self.watches:
            watch.watch_added()

    def _move(self, status: int) -> None:
        before = self.status
        if status != before:
            self.status = status
            for watch in self.watches:
                watch.count_change(before, status)

    def faults(self) -> list[tuple[str, Fault]]:
        """Return what is wrong, by PV."""
        if self.status == READY:
            return []
        if not self.channels:
            return [(self._pv(name), Fault(Reason.NEVER_FOUND)) for name in self.names()]
        if self.status == FAULTY and self._fault is not None:
            return [(self._pv(self.channels[0].name), self._fault)]
        missing = [
            (
                self._pv(channel.name),
                Fault(Reason.NEVER_FOUND if channel.state == NEVER else Reason.DISCONNECTED),
            )
            for channel in self.channels
            if channel.state != UP
        ]
        return missing or [(self._pv(self.channels[0].name), Fault(Reason.NO_ANSWER))]

    def _pv(self, name: str) -> str:
        return f"{self.protocol}://{name}"

    def _up_channel(self, position: int) -> Any:
        if not self.channels:
            raise NotConnectedError(f"{self._pv(self.names()[position])} has not been connected")
        channel = self.channels[position]
        channel.require_up()
        return channel

    async def _channel(self, position: int) -> Any:
        """Return a channel that is up; in an event loop other than the one it was connected in, it is opened there."""
        if self.channels and self.channels[0].pool is not self.pool():
            await self.connect(DEFAULT_TIMEOUT)
        return self._up_channel(position)

    async def connect(self, timeout: float) -> None:
        """Connect this one by itself.

        :param timeout: in seconds.
        :raises NotConnectedError: names the PV and what is wrong.
        """
        names = self.names()
        channels = self.pool().open(names)
        self.use(tuple(channels[name] for name in names))
        if self.status == FAULTY:
            self.recheck()
        if self.status == PENDING:
            progress = ConnectionProgress([self])
            try:
                await progress.wait(timeout)
            finally:
                progress.follow(())
        if self.status != READY:
            said = "; ".join(f"{pv}: {fault}" for pv, fault in self.faults())
            if not self.watches:
                self.release()
            raise NotConnectedError(said)


class TypePending(Exception):  # noqa: N818 - it is no error, the answer is on its way
    """The server has not said yet what it serves."""


class ConnectionProgress:
    """Counts users of channels by status, and wakes who waits for the last of them."""

    def __init__(self, users: Sequence[ChannelUser] = ()) -> None:
        self.counts = [0, 0, 0]
        self.users: Sequence[ChannelUser] = ()
        self._future: asyncio.Future[None] | None = None
        self.follow(users)

    def follow(self, users: Sequence[ChannelUser]) -> None:
        """Count these users from now on."""
        for user in self.users:
            user.watches = tuple(other for other in user.watches if other is not self)
        self.users = users
        alone = (self,)  # which many share
        counts = [0, 0, 0]
        for user in users:
            user.watches = (*user.watches, self) if user.watches else alone
            counts[user.status] += 1
        self.counts = counts

    @property
    def ready(self) -> bool:
        """Whether all are ready."""
        return not (self.counts[PENDING] or self.counts[FAULTY])

    def count_change(self, before: int, now: int, many: int = 1) -> None:
        """Count changes of status."""
        counts = self.counts
        counts[before] -= many
        counts[now] += many
        if not counts[PENDING] and self._future is not None and not self._future.done():
            self._future.set_result(None)

    def watch_added(self) -> None:
        """Do nothing: nobody waits for that here."""

    async def wait(self, timeout: float) -> None:
        """Wait until none is pending, or the time (in seconds) is over."""
        if not self.counts[PENDING]:
            return
        loop = asyncio.get_running_loop()
        self._future = future = loop.create_future()
        timer = loop.call_later(timeout, _finish, future)
        try:
            await future
        finally:
            timer.cancel()
            self._future = None


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
