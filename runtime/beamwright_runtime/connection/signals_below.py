"""The signals and commands below a device, and the way to each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ophyd_async.core import Device, DeviceConnector, NotConnectedError, SignalConnector
from ophyd_async.epics.core import EpicsDeviceConnector

from beamwright_runtime.channels.user import READY, ChannelUser
from beamwright_runtime.errors import ConnectionFailedError, ConnectionProblem, Fault, Reason
from beamwright_runtime.ophyd_seam import connector_of, end_mock, first_backend_of, forget_connect

_Connect = TypeVar("_Connect", bound=Callable[..., Any])

_connecting_children: list[Callable[..., Any]] = [
    Device.connect,
    DeviceConnector.connect_real,
    EpicsDeviceConnector.connect_real,
]


def connects_children(connect: _Connect) -> _Connect:
    """Declare that a device's `connect`, or a connector's `connect_real`, only connects the children."""
    _connecting_children.append(connect)
    return connect


_transparent: dict[tuple[type, type], bool] = {}


def is_transparent(device: type[Device], connector: type[DeviceConnector]) -> bool:
    """Return whether connecting a device is no more than connecting its children."""
    known = _transparent.get((device, connector))
    if known is None:
        known = device.connect in _connecting_children and connector.connect_real in _connecting_children
        _transparent[device, connector] = known
    return known


def channel_user(child: Device) -> ChannelUser | None:
    """Return the backend of a signal or command of beamwright; None for anything else."""
    backend = first_backend_of(child)
    return backend if isinstance(backend, ChannelUser) else None


def descend(device: Device, path: str) -> Iterator[tuple[str, Device]]:
    """Yield the signals, commands and foreign devices below a device, with the path to each."""
    for name, child in device.children():
        below = f"{path}.{name}" if path else name
        if channel_user(child) is None and is_transparent(type(child), type(connector_of(child))):
            yield from descend(child, below)
        else:
            yield below, child


def users_below(device: Device) -> list[tuple[Device, ChannelUser]]:
    """List the signals and commands of a device with what connects them."""
    below = [(child, channel_user(child)) for _, child in descend(device, "")]
    return [(child, user) for child, user in below if user is not None]


def signal_problems(device: Device, below: str) -> Iterator[ConnectionProblem]:
    """Yield what is wrong with the signals below a device, without network traffic."""
    for path, child in descend(device, below):
        user = channel_user(child)
        if user is not None and user.status != READY:
            where, _, signal = path.rpartition(".")
            for pv, fault in user.faults():
                yield ConnectionProblem(where, signal, pv, fault)


def problems_of(error: Exception, below: str, reason: Reason = Reason.FAILED) -> Iterator[ConnectionProblem]:
    """Yield the problems in an error of a device, signal by signal where they are known.

    :param below: where the device is.
    :param reason: of an error that tells nothing of signals.
    """
    if isinstance(error, ConnectionFailedError) and error.problems:
        for problem in error.problems:
            yield ConnectionProblem(join_path(below, problem.device), problem.signal, problem.pv, problem.fault)
    elif isinstance(error, NotConnectedError) and error.sub_errors:
        for name, inner in error.sub_errors.items():
            itself = name == below.rpartition(".")[2]
            yield from problems_of(inner, below if itself else join_path(below, name), reason)
    else:
        yield ConnectionProblem(below, "", "", Fault(reason, str(error).strip() or type(error).__name__))


def leave_mock(device: Device) -> None:
    """End the mock mode of a device and of all below it, as ophyd-async does when it connects for real."""
    end_mock(device)
    if first_backend_of(device) is None and is_transparent(type(device), type(connector_of(device))):
        for _, child in device.children():
            leave_mock(child)


def forget_connection(device: Device) -> None:
    """Make ophyd-async's own `connect` look again at a device, its signals and the devices that hold it.

    It keeps the success of the first connection for ever, also when the server is gone.
    """
    above: Device | None = device
    while above is not None:
        forget_connect(above)
        above = above.parent
    below = [device]
    while below:
        for _, child in below.pop().children():
            forget_connect(child)
            if type(connector_of(child)) is not SignalConnector:
                below.append(child)


def join_path(above: str, below: str) -> str:
    """Join two paths; either may be empty."""
    return f"{above}.{below}" if above and below else above or below
