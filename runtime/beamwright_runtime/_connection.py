"""Connecting whole trees of devices in one operation, and knowing ever after whether they are there."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

from ophyd_async.core import (
    DEFAULT_TIMEOUT,
    Device,
    DeviceConnector,
    DeviceMock,
    NotConnectedError,
    SignalConnector,
)
from ophyd_async.epics.core import EpicsDeviceConnector

from beamwright_runtime._channel_user import FAULTY, PENDING, READY, ChannelUser, Progress
from beamwright_runtime._class_plan import name_children
from beamwright_runtime._errors import ConnectionFailedError, ConnectionProblem, Fault, Reason
from beamwright_runtime._outline import Census, outline

_TREE = "_beamwright_tree"
FOREIGN_GRACE = 0.25
"""Seconds past the timeout that foreign devices get to say what they failed with: they have the same timeout."""


class TreeDevice(Device):
    """A device that connects its whole tree in one operation, and that knows when it is lost.

    `connect` is idempotent and costs nothing while all channels are up. Callers at the same time share one attempt,
    and cancelling one of them does not touch the others. A failure is tried again by the next call.
    """

    def set_name(self, name: str, *, child_name_separator: str | None = None) -> None:
        """Name the device, and each child after it.

        :param child_name_separator: stands between the two, `-` unless told.
        """
        if getattr(super().set_name, "__func__", None) is not Device.set_name:  # a class between has more to do
            super().set_name(name, child_name_separator=child_name_separator)
            return
        self._name = name
        if child_name_separator:
            self._child_name_separator = child_name_separator
        vars(self).pop("log", None)  # it shows the name
        name_children(self, self._child_name_separator)

    async def connect(
        self,
        mock: bool | DeviceMock[Any] = False,
        timeout: float = DEFAULT_TIMEOUT,
        force_reconnect: bool = False,
    ) -> None:
        """Connect all signals of the device and of its children.

        :param mock: without hardware, as in ophyd-async.
        :param timeout: in seconds.
        :param force_reconnect: ask every server again, even if all channels are up.
        :raises ConnectionFailedError: if PVs do not answer in time or have other types; shows and holds which.
        """
        if mock:
            await super().connect(mock, timeout, force_reconnect)
        else:
            await connect_tree(self, timeout, force_reconnect)


class TreeConnector(DeviceConnector):
    """Connects the whole tree below a device in one operation."""

    async def connect_real(self, device: Device, timeout: float, force_reconnect: bool) -> None:
        """Connect all signals of the device and of its children; see `TreeDevice.connect`."""
        await connect_tree(device, timeout, force_reconnect)


async def connect_tree(device: Device, timeout: float = DEFAULT_TIMEOUT, force_reconnect: bool = False) -> None:
    """Connect any device, vector or group with all its children in one operation.

    :param timeout: in seconds.
    :param force_reconnect: ask every server again, even if all channels are up.
    :raises ConnectionFailedError: if PVs do not answer in time or have other types; shows and holds which.
    """
    tree = tree_of(device)
    if tree is None:
        tree = device.__dict__[_TREE] = Tree(device)
    elif tree.ready and not force_reconnect and not tree.foreign and tree.watched:
        return
    await tree.connect(timeout, force_reconnect)


def tree_of(device: Device) -> Tree | None:
    """Give the tree of a device that has been connected in the running event loop, and not in mock mode since."""
    tree = cast("Tree | None", device.__dict__.get(_TREE))
    if tree is None or tree.loop is not asyncio.get_running_loop() or device._mock is not None:
        return None
    return tree


class Tree(Progress):
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
        self._attempt: asyncio.Task[None] | None = None
        self._forced = False
        self._deadline = 0.0
        self._foreign_errors: dict[str, Exception] = {}
        self._foreign_tasks: dict[str, asyncio.Task[None]] = {}
        self._telling = False
        self._watched = False
        self._watching: asyncio.Future[None] | None = None

    @property
    def device(self) -> Device:
        """The device at the root."""
        device = self._device()
        if device is None:
            raise ReferenceError("the device is gone")
        return device

    @property
    def ready(self) -> bool:
        """Whether all signals are connected, with the right types."""
        return self._walked and super().ready

    def moved(self, before: int, now: int) -> None:
        """Count a change; what ophyd-async remembers of a connection is forgotten when it is lost."""
        # As Progress does it: this is called for every signal of a beamline.
        counts = self.counts
        counts[before] -= 1
        counts[now] += 1
        if not counts[PENDING] and self._future is not None and not self._future.done():
            self._future.set_result(None)
        if not self._telling and (before == READY or (now == READY and self.listeners)):
            if self.loop.is_closed():  # the devices are used in another loop now
                return
            self._telling = True
            self.loop.call_soon(self._tell)

    @property
    def watched(self) -> bool:
        """Whether a loss of any signal would be told."""
        if not self._watched:
            self._watched = self._walked and all(user.watched for user in self.users)
        return self._watched

    def watched_more(self) -> None:
        """Wake who waits until all are watched."""
        if self._watching is not None and not self._watching.done() and self.watched:
            self._watching.set_result(None)

    async def _await_watched(self) -> None:
        """Wait until a loss of any signal would be told; what does not answer by the deadline counts as lost."""
        if self.watched:
            return
        self._watching = self.loop.create_future()
        await asyncio.wait({self._watching}, timeout=max(0.0, self._deadline - self.loop.time()))
        if not self.watched:
            for user in self.users:
                if not user.watched:
                    user.doubt()

    def _tell(self) -> None:
        self._telling = False
        device = self._device()
        if device is not None and not self.ready:
            forget_connection(device)
        for listener in list(self.listeners):
            listener()

    def survey(self) -> dict[str, Device]:
        """Find the signals and commands and follow them; give the foreign devices, with the way to each."""
        device = self.device
        users: list[ChannelUser] = []
        foreign: dict[str, Device] = {}
        mocked = device._mock is not None
        above = [("", device)]
        while above:
            path, parent = above.pop()
            for name, child in parent.children():
                mocked = mocked or child._mock is not None
                user = channel_user(child)
                if user is not None:
                    users.append(user)
                elif _is_transparent(type(child), type(child._connector)):
                    above.append((_join(path, name), child))
                else:
                    foreign[_join(path, name)] = child
        if mocked:
            leave_mock(device)
        self.follow(users)
        self._walked = True
        self._watched = not any(user.watched_by_monitor for user in users)
        self.foreign = bool(foreign)
        return foreign

    def walk(self) -> dict[str, Device]:
        """Find all below the device and open its channels; give the foreign devices, with the way to each."""
        with _uncollected():
            foreign = self.survey()
            _open(self.users)
        return foreign

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
        foreign = self.walk()
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
            await self.settled(self._deadline - self.loop.time())
        if again:
            await self._await_watched()
        if tasks:
            await asyncio.wait(tasks.values())
        self._foreign_errors = {path: error for path, task in tasks.items() if (error := _failure_of(task)) is not None}

    def failure(self, seconds: float) -> ConnectionFailedError:
        """Make the error that shows what is not connected now."""
        return failure_of({"": self}, self.device.name or type(self.device).__name__, seconds)

    def problems(self, below: str = "") -> Iterator[ConnectionProblem]:
        """Say what is wrong, signal by signal."""
        yield from _signal_problems(self.device, below)
        for path, task in self._foreign_tasks.items():
            if not task.done():
                yield ConnectionProblem(_join(below, path), "", "", Fault(Reason.FAILED, "still connecting"))
        for path, error in self._foreign_errors.items():
            inner = error.problems if isinstance(error, ConnectionFailedError) else ()
            where = _join(below, path)
            if inner:
                for problem in inner:
                    yield ConnectionProblem(_join(where, problem.device), problem.signal, problem.pv, problem.fault)
            else:
                yield ConnectionProblem(where, "", "", Fault(Reason.FAILED, str(error).strip() or type(error).__name__))

    def census(self, below: str = "") -> Iterator[tuple[str, int]]:
        """Count the PVs of each device."""
        for path, child in _descend(self.device, below):
            user = channel_user(child)
            yield path.rpartition(".")[0], 0 if user is None else len(user.names())


def failure_of(trees: Mapping[str, Tree], name: str, seconds: float) -> ConnectionFailedError:
    """Make one error of what is wrong in several trees.

    :param trees: by the name of their device, which is empty for a single one.
    :param seconds: how long it was tried.
    """
    problems = [problem for below, tree in trees.items() for problem in tree.problems(below)]
    census = Census(name, seconds)
    for below, tree in trees.items():
        for path, count in tree.census(below):
            census.count(path, count)
    return ConnectionFailedError(outline(problems, census), problems)


async def connect_together(
    devices: Mapping[str, Device],
    name: str = "devices",
    timeout: float = DEFAULT_TIMEOUT,
    force_reconnect: bool = False,
) -> None:
    """Connect several devices in one operation.

    :param devices: by the names that the outline shows.
    :param name: what they are together, such as the beamline's name.
    :param timeout: in seconds.
    :raises ConnectionFailedError: one outline of all that is not connected.
    """
    began = time.monotonic()
    tasks = {
        key: asyncio.create_task(connect_tree(device, timeout, force_reconnect)) for key, device in devices.items()
    }
    try:
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    finally:
        for task in tasks.values():
            task.cancel()
    for task in tasks.values():
        error = _failure_of(task)
        if error is not None and not isinstance(error, NotConnectedError):
            raise error
    if any(_failure_of(task) is not None for task in tasks.values()):
        trees = {key: cast("Tree", device.__dict__[_TREE]) for key, device in devices.items()}
        raise failure_of(trees, name, time.monotonic() - began)


def connected_tree(device: Device) -> Tree | None:
    """Give the tree of a device whose event loop still runs, from any thread."""
    tree = cast("Tree | None", device.__dict__.get(_TREE))
    return None if tree is None or tree.loop.is_closed() else tree


def survey(device: Device) -> Tree:
    """Give the tree of a device, connected or not."""
    tree = tree_of(device)
    if tree is None:
        tree = device.__dict__[_TREE] = Tree(device)
        tree.survey()
    return tree


def users_below(device: Device) -> list[tuple[Device, ChannelUser]]:
    """List the signals and commands of a device with what connects them."""
    below = [(child, channel_user(child)) for _, child in _descend(device, "")]
    return [(child, user) for child, user in below if user is not None]


def known_problems(device: Device) -> list[ConnectionProblem]:
    """Say what is wrong with each signal that is not connected."""
    tree = connected_tree(device)
    return list(_signal_problems(device, "") if tree is None else tree.problems())


async def disconnect(*devices: Device) -> None:
    """Close the channels of devices that are not needed any more; connecting them again opens new ones."""
    for device in devices:
        for _, child in _descend(device, ""):
            user = channel_user(child)
            if user is not None:
                user.release()
        tree = cast("Tree | None", device.__dict__.pop(_TREE, None))
        if tree is not None:
            tree.follow(())
        forget_connection(device)
    await asyncio.sleep(0)


def forget_connection(device: Device) -> None:
    """Make ophyd-async's own `connect` of a device, of its signals and of what holds it look again.

    It keeps the success of the first connection for ever, also when the server is gone.
    """
    above: Device | None = device
    while above is not None:
        above.__dict__.pop("_connect_task", None)
        above = above.parent
    below = [device]
    while below:
        for _, child in below.pop().children():
            child.__dict__.pop("_connect_task", None)
            if type(child._connector) is not SignalConnector:
                below.append(child)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Make many objects at once without Python looking through all there are for garbage again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _release_later(loop: asyncio.AbstractEventLoop, tree: Tree) -> None:
    # Garbage may be collected in any thread.
    with suppress(RuntimeError):  # the loop is closed, and its channels with it
        loop.call_soon_threadsafe(_release, tree)


def _release(tree: Tree) -> None:
    for user in tree.users:
        user.release()
    tree.follow(())


def _open(users: Iterable[ChannelUser]) -> None:
    by_protocol: dict[str, list[ChannelUser]] = {}
    for user in users:
        by_protocol.setdefault(user.protocol, []).append(user)
    for group in by_protocol.values():
        names: list[str] = []
        for user in group:
            names += user.names()
        channels = group[0].pool().open(names)
        at = 0
        for user in group:
            width = len(user.names())
            user.use(tuple(channels[at : at + width]))
            at += width


def channel_user(child: Device) -> ChannelUser | None:
    """Give what a signal or command of ours uses channels with; None for anything else."""
    backend = getattr(child._connector, "_init_backend", None)
    return backend if isinstance(backend, ChannelUser) else None


def leave_mock(device: Device) -> None:
    """Take a device and all below it out of mock mode, as ophyd-async's own real connection does."""
    device._mock = None
    initial = getattr(device._connector, "_init_backend", None)
    if initial is not None:
        vars(device._connector)["backend"] = initial
    elif _is_transparent(type(device), type(device._connector)):
        for _, child in device.children():
            leave_mock(child)


def _signal_problems(device: Device, below: str) -> Iterator[ConnectionProblem]:
    for path, child in _descend(device, below):
        user = channel_user(child)
        if user is not None and user.status != READY:
            where, _, signal = path.rpartition(".")
            for pv, fault in user.faults():
                yield ConnectionProblem(where, signal, pv, fault)


def _descend(device: Device, path: str) -> Iterator[tuple[str, Device]]:
    """Give the signals, commands and foreign devices below a device, with the way to each."""
    for name, child in device.children():
        below = f"{path}.{name}" if path else name
        if channel_user(child) is None and _is_transparent(type(child), type(child._connector)):
            yield from _descend(child, below)
        else:
            yield below, child


_transparent: dict[tuple[type, type], bool] = {}


def _is_transparent(device: type[Device], connector: type[DeviceConnector]) -> bool:
    """Tell whether connecting a device is no more than connecting its children."""
    known = _transparent.get((device, connector))
    if known is None:
        known = device.connect in (Device.connect, TreeDevice.connect) and connector.connect_real in (
            DeviceConnector.connect_real,
            EpicsDeviceConnector.connect_real,
            TreeConnector.connect_real,
        )
        _transparent[device, connector] = known
    return known


def _failure_of(task: asyncio.Task[Any]) -> Exception | None:
    if not task.done():
        return None
    if task.cancelled():
        return NotConnectedError("cancelled")
    error = task.exception()
    return error if isinstance(error, Exception) else None


def _join(above: str, below: str) -> str:
    return f"{above}.{below}" if above and below else above or below
