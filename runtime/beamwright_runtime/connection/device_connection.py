"""Connecting one device: an attempt that everybody who needs the device shares, and a queue for the background.

ADR 0014 rules here.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from ophyd_async.core import DEFAULT_TIMEOUT, Device, NotConnectedError, get_mock

from beamwright_runtime.connection.device_state import DeviceState, Stage
from beamwright_runtime.connection.failure import DeviceReport, with_ioc_named
from beamwright_runtime.connection.signals_below import is_transparent
from beamwright_runtime.connection.tree_device import connect_tree, connected_tree, tree_of
from beamwright_runtime.errors import ConnectionFailedError
from beamwright_runtime.ophyd_seam import connector_of

PARALLEL = 32
"""Devices that connect in the background at the same time: an absent one holds its place until its timeout."""


class DeviceConnection:
    """Connects one device, for everybody who needs it.

    Its attempts belong to the event loop that they are made in. What is asked for in another loop, because the
    RunEngine of the first one has ended, is connected anew there.

    :param name: of the device.
    :param build: gives the device, made if need be, and the connections of the devices that it uses.
    :param mock: says whether to connect without hardware when nobody else does.
    :param timeout: of an attempt unless it is given another, in seconds.
    :param ioc: that serves the device, if that is known.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], Awaitable[tuple[Device, Sequence[DeviceConnection]]]],
        *,
        mock: Callable[[], bool] = lambda: False,
        timeout: float = DEFAULT_TIMEOUT,
        ioc: str = "",
    ) -> None:
        self.name = name
        self._ioc = ioc
        self._build = build
        self._mock = mock
        self._timeout = timeout
        self._stage: Stage | None = None
        self._error: Exception | None = None
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._task: asyncio.Task[None] | None = None
        self._queued = False
        self._mode: bool | None = None
        # Weak, because what connects a device shall not keep it alive.
        self._device: weakref.ref[Device] | None = None
        self._needed: tuple[DeviceConnection, ...] = ()

    @property
    def state(self) -> DeviceState | None:
        """How far the connection has come in an event loop that still runs; `None` if nothing was tried there."""
        loop = self._loop() if self._loop else None
        if self._stage is None or loop is None or not loop.is_running():
            return None
        device = self._device() if self._device else None
        if self._stage is Stage.CONNECTED and device is not None and (error := _loss_of(device)) is not None:
            return DeviceState(Stage.UNHAPPY, error)
        return DeviceState(self._stage, self._error)

    def is_up(self, mock: bool | None = None) -> bool:
        """Return whether the device is known to be connected in the running event loop, without network traffic.

        :param mock: whether that has to be without hardware; `None` if that does not matter.
        """
        device = self._device() if self._device else None
        if self._stage is not Stage.CONNECTED or device is None or self.connects or not self._is_here():
            return False
        in_mock = is_mock(device)
        if mock not in (None, in_mock):
            return False
        if not in_mock:
            tree = tree_of(device)
            if tree is None or not tree.ready or tree.foreign or not tree.watched:
                return False
        return all(need.is_up() for need in self._needed)

    @property
    def waits(self) -> bool:
        """Whether it waits for its turn in the background of the running event loop."""
        return self._queued and self._is_here()

    @property
    def connects(self) -> bool:
        """Whether an attempt is under way in the running event loop."""
        return self._task is not None and not self._task.done() and self._is_here()

    @property
    def error(self) -> Exception | None:
        """What went wrong in the last attempt, if anything did."""
        return self._error

    def report(self, error: Exception | None, optional: bool = False) -> DeviceReport:
        """Return whether the device has connected and why not, for the outline of several devices.

        :param optional: whether it can be done without.
        """
        device = self._device() if self._device else None
        tree = None if device is None else connected_tree(device)
        return DeviceReport(self.name, tree, error, optional, device is not None, self._ioc)

    def _is_here(self) -> bool:
        return self._loop is not None and self._loop() is asyncio.get_running_loop()

    def enqueue(self) -> bool:
        """Wait for a turn in the background, unless an attempt is under way; says whether it waits."""
        if self.connects:
            return False
        self._begin(Stage.QUEUED)
        self._queued = True
        return True

    def leave_queue(self) -> None:
        """Leave the queue of the background; an attempt that is under way continues."""
        if self.waits:
            self._queued = False
            self._stage = None if self._stage is Stage.QUEUED else self._stage

    async def join(
        self, mock: bool | None = None, timeout: float | None = None, *, force_reconnect: bool = False
    ) -> Exception | None:
        """Wait for the attempt that is under way, or make one; at once, wherever the device stands in the queue.

        Cancelling the wait does not touch the attempt, which others may wait for.

        :param mock: connect without hardware; by default stay in mock mode, or do as the factory says.
        :param timeout: of a new attempt, in seconds; and how long to wait for one that is under way.
        :param force_reconnect: ask the servers again, even if the device is connected.
        :returns: what went wrong, if anything did.
        """
        if not force_reconnect and self.is_up(mock):
            return None
        while self.connects and (force_reconnect or not self._fits_mode(mock)):
            assert self._task is not None
            await asyncio.wait({self._task})
        if self.connects:
            assert self._task is not None
            await asyncio.wait({self._task}, timeout=timeout)
            if not self._task.done():
                return NotConnectedError(f"still connecting after {timeout:g} s; it continues in the background")
            return self._error
        force_reconnect = force_reconnect or (self._task is not None and not self._is_here())
        self._begin(Stage.CONNECTING)
        self._queued = False
        self._mode = mock
        self._task = asyncio.get_running_loop().create_task(
            self._attempt(mock, self._timeout if timeout is None else timeout, force_reconnect),
            name=f"connect {self.name}",
        )
        # Not awaited itself: a caller that is cancelled would take the attempt with it.
        await asyncio.wait({self._task})
        return self._error

    def _fits_mode(self, mock: bool | None) -> bool:
        return mock is None or mock is self._mode

    def _begin(self, stage: Stage) -> None:
        # What is connected stays so while it is looked at again.
        if self._stage is not Stage.CONNECTED or not self._is_here():
            self._set_stage(stage)

    def _set_stage(self, stage: Stage, error: Exception | None = None) -> None:
        self._error = error
        self._stage = stage
        self._loop = weakref.ref(asyncio.get_running_loop())

    async def _attempt(self, mock: bool | None, timeout: float, force_reconnect: bool) -> None:
        began = time.monotonic()
        try:
            device, needed = await self._build()
            self._device, self._needed = weakref.ref(device), tuple(needed)
            in_mock = is_mock(device)
            if mock is None:
                mock = in_mock or self._mock()
            waits = {need.name: need.join_for(mock, timeout) for need in needed}
            # Connecting an ophyd-async device in mock mode again would throw away the mock values it has been given.
            own = (
                _nothing()
                if mock and in_mock and not force_reconnect
                else connect(device, mock, timeout, force_reconnect)
            )
            error, *errors = await asyncio.gather(own, *waits.values())
        except asyncio.CancelledError:
            self._set_stage(Stage.UNHAPPY, NotConnectedError("connecting was cancelled"))
            raise
        except Exception as failure:
            self._set_stage(Stage.UNHAPPY, failure)
            return
        if isinstance(error, ConnectionFailedError):
            error = with_ioc_named(error, self.report(error), time.monotonic() - began)
        failed = {name: reason for name, reason in zip(waits, errors, strict=True) if reason is not None}
        if failed:
            error = NotConnectedError(({} if error is None else {self.name: error}) | failed)
        self._set_stage(Stage.CONNECTED if error is None else Stage.UNHAPPY, error)

    async def join_for(self, mock: bool, timeout: float) -> Exception | None:
        """Connect for a device that uses this one: in its mode, unless this one is connected already."""
        connected = self.state is not None and self.state.stage is Stage.CONNECTED
        return await self.join(None if connected else mock, timeout)


def _loss_of(device: Device) -> ConnectionFailedError | None:
    """Return which PVs were lost since the device was connected."""
    tree = connected_tree(device)
    if tree is None or tree.ready or is_mock(device):
        return None
    problems = list(tree.problems())
    lost = [problem.pv for problem in problems if problem.pv]
    words = f"{len(lost)} of its PVs went away: {', '.join(lost[:3])}{' ...' * (len(lost) > 3)}"
    return ConnectionFailedError(words, problems)


async def _nothing() -> None:
    return None


async def connect(device: Device, mock: bool, timeout: float, force_reconnect: bool) -> Exception | None:
    """Connect a device; return what went wrong, if anything did."""
    try:
        if not mock and is_transparent(type(device), type(connector_of(device))):
            await connect_tree(device, timeout, force_reconnect)
        else:
            await device.connect(mock=mock, timeout=timeout, force_reconnect=force_reconnect)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # ophyd-async keeps a connection that somebody cancelled, and cancels whoever asks again.
        return NotConnectedError("an earlier attempt to connect was cancelled")
    except Exception as error:
        return error
    return None


def is_mock(device: Device) -> bool:
    """Return whether a device was connected without hardware."""
    try:
        get_mock(device)
    except RuntimeError:
        return False
    return True


async def connect_in_background(
    connections: Iterable[DeviceConnection],
    mock: bool | None = None,
    timeout: float | None = None,
    parallel: int = PARALLEL,
) -> dict[str, Exception]:
    """Connect devices, some at the same time and the others in turn.

    A device that somebody joins meanwhile is not waited for in the queue: it connects at once. Cancelling leaves the
    attempts that are under way alone.

    :param timeout: of each attempt, in seconds; by default what each device's factory says.
    :param parallel: how many connect at the same time.
    :returns: what went wrong, by the name of the device.
    """
    everything = tuple(connections)
    waiting = deque(connection for connection in everything if connection.enqueue())

    async def work() -> None:
        while waiting:
            connection = waiting.popleft()
            if connection.waits:
                await connection.join(mock, timeout)

    try:
        await asyncio.gather(*(work() for _ in range(min(parallel, len(waiting)))))
        await asyncio.gather(*(connection.join() for connection in everything if connection.connects))
    finally:
        for connection in waiting:
            connection.leave_queue()
    return {connection.name: connection.error for connection in everything if connection.error is not None}


_of_factories: weakref.WeakKeyDictionary[Device, weakref.ref[DeviceConnection]] = weakref.WeakKeyDictionary()
_of_other_devices: weakref.WeakKeyDictionary[Device, DeviceConnection] = weakref.WeakKeyDictionary()


def remember(device: Device, connection: DeviceConnection) -> None:
    """Make `connection_of(device)` return this connection for as long as it exists."""
    _of_factories[device] = weakref.ref(connection)


def connection_of(device: Device) -> DeviceConnection:
    """Return the connection of a device: its factory's, or one of its own."""
    remembered = _of_factories.get(device)
    connection = remembered() if remembered else _of_other_devices.get(device)
    if connection is None:
        # Held weakly, else the table of connections would keep every device alive.
        held = weakref.ref(device)

        async def build() -> tuple[Device, Sequence[DeviceConnection]]:
            kept = held()
            assert kept is not None
            return kept, ()

        connection = _of_other_devices.setdefault(device, DeviceConnection(device.name or type(device).__name__, build))
    return connection
