"""Plan stubs for devices that connect when a plan needs them, and plans that fly.

ADR 0010 and 0018 rule here.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Generator, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator, Plan
from ophyd_async.core import Device

from beamwright_runtime.beamline.factory import DeviceFactory
from beamwright_runtime.beamline.plan_arguments import Needed, devices_within, plan_arguments
from beamwright_runtime.connection.device_connection import DeviceConnection, connection_of
from beamwright_runtime.connection.failure import failure_of
from beamwright_runtime.errors import ConnectionFailedError

if TYPE_CHECKING:
    from beamwright_runtime.fly.scan_plans import fly_grid, fly_scan, step_scan

__all__ = ["connected", "ensure_connected", "fly_grid", "fly_scan", "step_scan"]

D1 = TypeVar("D1", bound=Device)
D2 = TypeVar("D2", bound=Device)
D3 = TypeVar("D3", bound=Device)
D4 = TypeVar("D4", bound=Device)
CompositeT = TypeVar("CompositeT")
ResultT = TypeVar("ResultT")
P = ParamSpec("P")


FLYING = frozenset({"fly_grid", "fly_scan", "step_scan"})


def __getattr__(name: str) -> object:
    # scanspec takes longer to import than the rest of this module, and most plans do without.
    if name in FLYING:
        from beamwright_runtime.fly import scan_plans

        return getattr(scan_plans, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@overload
def ensure_connected(
    device: D1 | DeviceFactory[D1], /, *, mock: bool | None = None, timeout: float | None = None
) -> MsgGenerator[D1]: ...
@overload
def ensure_connected(
    composite: CompositeT, /, *, mock: bool | None = None, timeout: float | None = None
) -> MsgGenerator[CompositeT]: ...
@overload
def ensure_connected(
    first: D1 | DeviceFactory[D1],
    second: D2 | DeviceFactory[D2],
    /,
    *,
    mock: bool | None = None,
    timeout: float | None = None,
) -> MsgGenerator[tuple[D1, D2]]: ...
@overload
def ensure_connected(
    first: D1 | DeviceFactory[D1],
    second: D2 | DeviceFactory[D2],
    third: D3 | DeviceFactory[D3],
    /,
    *,
    mock: bool | None = None,
    timeout: float | None = None,
) -> MsgGenerator[tuple[D1, D2, D3]]: ...
@overload
def ensure_connected(
    first: D1 | DeviceFactory[D1],
    second: D2 | DeviceFactory[D2],
    third: D3 | DeviceFactory[D3],
    fourth: D4 | DeviceFactory[D4],
    /,
    *,
    mock: bool | None = None,
    timeout: float | None = None,
) -> MsgGenerator[tuple[D1, D2, D3, D4]]: ...
@overload
def ensure_connected(
    first: D1 | DeviceFactory[D1],
    second: D1 | DeviceFactory[D1],
    /,
    *devices: D1 | DeviceFactory[D1],
    mock: bool | None = None,
    timeout: float | None = None,
) -> MsgGenerator[tuple[D1, ...]]: ...
@overload
def ensure_connected(
    *, mock: bool | None = None, timeout: float | None = None, **named: D1 | DeviceFactory[D1]
) -> MsgGenerator[dict[str, D1]]: ...
def ensure_connected(
    *devices: Any, mock: bool | None = None, timeout: float | None = None, **named: Any
) -> MsgGenerator[Any]:
    """Connect devices before a plan goes on, at once wherever they stand in a background queue.

    Nothing moves and no run is opened if one is missing: the plan ends here, with an outline of all that are. Costs
    nothing while all is well, so a plan may begin with it always.

        camera = yield from ensure_connected(x01.camera)
        camera, stage = yield from ensure_connected(x01.camera(), x01.stage_x())

    :param devices: devices or their factories; or one composite of devices: a dataclass, a pydantic model, a typed
        dictionary, a list.
    :param mock: connect without hardware; by default as each device is, or as its factory says.
    :param timeout: of each attempt, in seconds; by default what each factory says.
    :param named: devices or their factories by any name.
    :returns: what was given: the device, a tuple of several, the composite, or the named devices as a dictionary. A
        factory on its own, in a tuple or by name is replaced by its device.
    :raises ConnectionFailedError: if PVs do not answer in time or have other types, or a device cannot be made; its
        text is one outline of all that are missing, its `problems` are the same as data.
    :raises TypeError: if both devices and names are given, or a composite has no devices.
    """
    if devices and named:
        raise TypeError("ensure_connected() takes devices, or devices by name, not both")
    composite = devices[0] if len(devices) == 1 else None
    needed = devices_within(devices, named)
    if not needed and not isinstance(composite, (list, tuple, set, dict)):
        raise TypeError(f"ensure_connected() found no devices in {', '.join(map(repr, devices)) or 'its arguments'}")
    if composite is None:
        for value in (*devices, *named.values()):
            if not isinstance(value, (Device, DeviceFactory)):
                raise TypeError(f"ensure_connected() takes several devices or one composite of devices, not {value!r}")
    return cast("MsgGenerator[Any]", Plan(_ensure, needed, devices, named, mock, timeout))


def _ensure(
    needed: Sequence[Needed],
    devices: tuple[object, ...],
    named: dict[str, object],
    mock: bool | None,
    timeout: float | None,
) -> MsgGenerator[object]:
    yield from _connect(needed, mock, timeout)
    if named:
        return {name: _device(value) for name, value in named.items()}
    if len(devices) == 1:
        return _device(devices[0])
    return tuple(map(_device, devices))


def _device(given: object) -> object:
    return given() if isinstance(given, DeviceFactory) else given


def _connect(needed: Sequence[Needed], mock: bool | None = None, timeout: float | None = None) -> MsgGenerator[None]:
    tasks = yield from bps.wait_for([lambda: _join_all(needed, mock, timeout)])
    # A simulated RunEngine carries nothing out, and has no tasks.
    for task in tasks or ():
        if (failure := task.result()) is not None:
            raise failure


async def _join_all(needed: Sequence[Needed], mock: bool | None, timeout: float | None) -> ConnectionFailedError | None:
    """Connect, and give what went wrong: an error that is raised here is lost if the plan is stopped meanwhile."""
    connections = {device: _connection(device) for device in needed}
    to_do = {device: connection for device, connection in connections.items() if not connection.is_up(mock)}
    began = time.monotonic()
    errors = await asyncio.gather(*(connection.join(mock, timeout) for connection in to_do.values()))
    failed = dict(zip(to_do, errors, strict=True))
    if not any(error is not None for error in errors):
        return None
    reports = [connection.report(failed.get(device)) for device, connection in connections.items()]
    return failure_of(reports, "devices", time.monotonic() - began)


def _connection(needed: Needed) -> DeviceConnection:
    return needed.connection if isinstance(needed, DeviceFactory) else connection_of(needed)


@overload
def connected(plan: Callable[P, MsgGenerator[ResultT]], /) -> Callable[P, MsgGenerator[ResultT]]: ...
@overload
def connected(plan: MsgGenerator[ResultT], /) -> MsgGenerator[ResultT]: ...
def connected(
    plan: Callable[P, MsgGenerator[ResultT]] | MsgGenerator[ResultT], /
) -> Callable[P, MsgGenerator[ResultT]] | MsgGenerator[ResultT]:
    """Connect the devices that a plan is given before its first message.

    They are found among its arguments and defaults, also within lists, dictionaries, dataclasses, pydantic models and
    scan specifications. Nothing moves if one is missing: the plan ends with an outline of all that are.

    As a decorator of a plan, of one's own or of bluesky's:

        @connected
        def align(stage: Motor, camera: Camera) -> MsgGenerator[None]: ...

        count = connected(bp.count)

    For all plans of a RunEngine: `RE.preprocessors.append(connected)`.

    :param plan: a function that makes a plan, or a plan that has not begun.
    :returns: the plan, or a function that makes it.
    :raises ConnectionFailedError: by the plan, if PVs do not answer in time or have other types.
    """
    if isinstance(plan, (Generator, Plan)):
        return _connected_plan(plan)
    function = plan
    signature = inspect.signature(function)

    @wraps(function)
    def connect_then_run(*arguments: P.args, **named: P.kwargs) -> MsgGenerator[ResultT]:
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        needed = devices_within(*bound.arguments.values())

        def run() -> MsgGenerator[ResultT]:
            if needed:
                yield from _connect(needed)
            return (yield from function(*arguments, **named))

        return run()

    return connect_then_run


def _connected_plan(given: MsgGenerator[ResultT]) -> MsgGenerator[ResultT]:
    needed = devices_within(plan_arguments(given))
    if needed:
        yield from _connect(needed)
    return (yield from given)
