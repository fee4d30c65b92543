"""A device with all the signals below it: one attempt to connect them at a time, and what became of it.

ADR 0012 and 0013 rule here.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from ophyd_async.core import Device, NotConnectedError

from beamwright_runtime.channels.pool import ChannelPool
from beamwright_runtime.channels.user import FAULTY, PENDING, READY, ChannelUser, ConnectionProgress
from beamwright_runtime.connection.garbage_collection import collection_paused
from beamwright_runtime.connection.outline import Census, outline
from beamwright_runtime.connection.signals_below import (
    channel_user,
    descend,
    forget_connection,
    is_transparent,
    join_path,
    leave_mock,
    problems_of,
    signal_problems,
)
from beamwright_runtime.errors import ConnectionFailedError, ConnectionProblem, Fault, Reason
from beamwright_runtime.ophyd_seam import connector_of, is_mocked

FOREIGN_GRACE = 0.25
"""Seconds past the timeout that foreign devices get to say what they failed with: they have the same timeout."""

SEARCHED = 10.0
"""Seconds since the last search after which a further attempt searches for what is missing anew."""

FEW = 3000
"""Signals up to which the first is opened before the others: libca waits 32 ms before it begins to search, and all are
created by then."""

UNCOLLECTED = 5.0
"""Most seconds that an attempt keeps the garbage collector off: what answers at all answers sooner."""

_Opened = tuple[list[ChannelUser], list[tuple[str, ...]], Mapping[str, Any]]


class SignalTree(ConnectionProgress):
    """A device with all the signals and commands below it."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        # Weak, because channels know the tree: a device that nobody needs any more shall go, and its channels with it.
        self._device = weakref.ref(device)
        self._end = weakref.finalize(device, _release_later, self.loop, self)
        self._end.atexit = False
        self.foreign = False
        self.listeners: list[Any] = []
        self._walked = False
        self._searched: float | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._forced = False
        self._deadline = 0.0
        self._foreign_errors: dict[str, Exception] = {}
        self._foreign_tasks: dict[str, asyncio.Task[None]] = {}
        self._notifying = False
        self._watched = False
        self._watching: asyncio.Future[None] | None = None

    @property
    def device(self) -> Device:
        """The device at the root."""
        device = self._device()
        if device is None:
            raise ReferenceError("the device was deleted")
        return device

    @property
    def ready(self) -> bool:
        """Whether all signals are connected, with the right types."""
        return self._walked and super().ready

    def count_change(self, before: int, now: int, many: int = 1) -> None:
        """Count changes; when a signal is lost, make ophyd-async forget its connection too."""
        super().count_change(before, now, many)
        if not self._notifying and (before == READY or (now == READY and self.listeners)):
            if self.loop.is_closed():  # the devices are used in another loop now
                return
            self._notifying = True
            self.loop.call_soon(self._notify)

    @property
    def watched(self) -> bool:
        """Whether every signal is monitored, so that a disconnection is noticed."""
        if not self._watched:
            self._watched = self._walked and all(user.watched for user in self.users)
        return self._watched

    def watch_added(self) -> None:
        """Wake who waits until all are watched."""
        if self._watching is not None and not self._watching.done() and self.watched:
            self._watching.set_result(None)

    async def _await_watched(self) -> None:
        """Wait until every signal is monitored; one that does not answer by the deadline counts as lost."""
        if self.watched:
            return
        self._watching = self.loop.create_future()
        await asyncio.wait({self._watching}, timeout=max(0.0, self._deadline - self.loop.time()))
        self._doubt_unwatched()

    def _doubt_unwatched(self) -> None:
        """End waiting until all are watched."""
        waiting, self._watching = self._watching, None
        if waiting is None or waiting.done():
            return
        for user in self.users:
            if not user.watched:
                user.doubt()
        waiting.set_result(None)

    def _notify(self) -> None:
        self._notifying = False
        device = self._device()
        if device is not None and not self.ready:
            forget_connection(device)
        for listener in list(self.listeners):
            listener()

    def survey(self) -> None:
        """Find the signals and commands below the device and follow them."""
        users, foreign = self._find()
        self._set_users(users, foreign)

    def walk(self) -> dict[str, Device]:
        """Find all signals below the device and open their channels; return the foreign devices by their path."""
        users, foreign = self._find()
        if 0 < len(users) < FEW:
            users[0].pool().open(users[0].names())
        opened = _open(users)
        self._set_users(users, foreign)  # while libca waits and searches
        _use(opened)
        return foreign

    def _find(self) -> tuple[list[ChannelUser], dict[str, Device]]:
        device = self.device
        users: list[ChannelUser] = []
        foreign: dict[str, Device] = {}
        mocked = is_mocked(device)
        above = [("", device)]
        while above:
            path, parent = above.pop()
            for name, child in parent.children():
                mocked = mocked or is_mocked(child)
                user = channel_user(child)
                if user is not None:
                    users.append(user)
                elif is_transparent(type(child), type(connector_of(child))):
                    above.append((join_path(path, name), child))
                else:
                    foreign[join_path(path, name)] = child
        if mocked:
            leave_mock(device)
        return users, foreign

    def _set_users(self, users: list[ChannelUser], foreign: dict[str, Device]) -> None:
        self.follow(users)
        self._walked = True
        self._watched = not any(user.watched_by_monitor for user in users)
        self.foreign = bool(foreign)

    async def connect(self, timeout: float, force: bool) -> None:
        """Join the attempt that is going on, or begin one; see `connect_tree`."""
        began = self.loop.time()
        deadline = began + timeout
        while True:
            if self._attempt is None or self._attempt.done() or (force and not self._forced):
                self._forced = force
                self._deadline = deadline
                self._attempt = self.loop.create_task(self._try(self._attempt, timeout, force))
            elif deadline > self._deadline:
                self._deadline = deadline
            attempt = self._attempt
            # Not awaited itself: a caller that is cancelled would take the attempt with it.
            await asyncio.wait({attempt}, timeout=max(0.0, deadline - self.loop.time()))
            if self.foreign and not attempt.done():
                await asyncio.wait({attempt}, timeout=FOREIGN_GRACE)
            if not attempt.done():
                self._doubt_unwatched()
                raise self.failure(self.loop.time() - began)
            if not attempt.cancelled():
                attempt.result()
            if self.ready and not self._foreign_errors:
                return
            if self.counts[FAULTY] or self._foreign_errors or self.loop.time() >= deadline:
                raise self.failure(self.loop.time() - began)

    async def _try(self, before: asyncio.Task[None] | None, timeout: float, force: bool) -> None:
        if before is not None and not before.done():
            await asyncio.wait({before})
        # What was connected before may have gone since, unnoticed where no monitor runs yet.
        again = self._walked and not force
        with collection_paused(self.loop, UNCOLLECTED):
            foreign = self.walk()
            if self.counts[PENDING]:
                gc.collect(0)  # while the servers are searched for: it would look at all that was made, at the end
            self._search_again()
            if force:
                for user in self.users:
                    user.recheck()
            elif self.counts[FAULTY]:
                for user in self.users:
                    if user.status == FAULTY:
                        user.recheck()
            tasks = self._foreign_tasks = {
                path: self.loop.create_task(child.connect(timeout=timeout, force_reconnect=force))
                for path, child in foreign.items()
            }
            while self.counts[PENDING] and self.loop.time() < self._deadline:
                await self.wait(self._deadline - self.loop.time())
        if again:
            await self._await_watched()
        if tasks:
            await asyncio.wait(tasks.values())
        self._foreign_errors = {
            path: error for path, task in tasks.items() if (error := exception_of(task)) is not None
        }

    def _search_again(self) -> None:
        """Search for what is missing, if the last search was long ago."""
        now = self.loop.time()
        if self._searched is None:
            self._searched = now
        elif self.counts[PENDING] and now - self._searched > SEARCHED:
            self._searched = now
            missing: dict[ChannelPool, list[Any]] = {}
            for user in self.users:
                if user.status == PENDING:
                    missing.setdefault(user.pool(), []).extend(user.channels)
            for pool, channels in missing.items():
                pool.search_again(channels)

    def failure(self, seconds: float) -> ConnectionFailedError:
        """Return the error that shows what is not connected now."""
        census = Census(self.device.name or type(self.device).__name__, seconds)
        for path, names in self.census():
            census.count(path, names)
        problems = list(self.problems())
        return ConnectionFailedError(outline(problems, census), problems)

    def problems(self, below: str = "") -> Iterator[ConnectionProblem]:
        """Yield what is wrong, signal by signal."""
        yield from signal_problems(self.device, below)
        for path, task in self._foreign_tasks.items():
            if not task.done():
                yield ConnectionProblem(join_path(below, path), "", "", Fault(Reason.FAILED, "still connecting"))
        for path, error in self._foreign_errors.items():
            yield from problems_of(error, join_path(below, path))

    def census(self, below: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the path of each signal's device and the names of its PVs."""
        for path, child in descend(self.device, below):
            user = channel_user(child)
            yield path.rpartition(".")[0], () if user is None else user.names()


def exception_of(task: asyncio.Task[Any]) -> Exception | None:
    """Return the exception that a task failed with; None while it runs."""
    if not task.done():
        return None
    if task.cancelled():
        return NotConnectedError("cancelled")
    error = task.exception()
    return error if isinstance(error, Exception) else None


def _release_later(loop: asyncio.AbstractEventLoop, tree: SignalTree) -> None:
    # Garbage may be collected in any thread.
    with suppress(RuntimeError):  # the loop is closed, and its channels with it
        loop.call_soon_threadsafe(_release, tree)


def _release(tree: SignalTree) -> None:
    for user in tree.users:
        user.release()
    tree.follow(())


def _open(users: Sequence[ChannelUser]) -> list[_Opened]:
    """Open channels; return the users of each protocol, the names that each needs, and the channels by name."""
    opened = []
    for protocol in dict.fromkeys(user.protocol for user in users):
        group = [user for user in users if user.protocol == protocol]
        names = [user.names() for user in group]
        opened.append((group, names, group[0].pool().open(chain.from_iterable(names))))
    return opened


def _use(opened: Iterable[_Opened]) -> None:
    for group, names, channels in opened:
        channel = channels.__getitem__
        for user, own in zip(group, names, strict=True):
            user.use(tuple(map(channel, own)))
