"""Plans connect what they need before anything moves, and get it back with its type."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import pytest
from bluesky import RunEngine
from bluesky.protocols import Readable
from bluesky.simulators import RunEngineSimulator
from bluesky.utils import FailedStatus, MsgGenerator, RunEngineInterrupted
from cycler import cycler
from ophyd_async.core import Device, NotConnectedError, init_devices, soft_signal_rw
from pydantic import BaseModel, ConfigDict
from scanspec.specs import Line

from beamwright_runtime import Beamline, Motor, Stage, device_factory
from beamwright_runtime.beamline.plan_arguments import devices_within
from beamwright_runtime.connection.device_connection import connect_in_background
from beamwright_runtime.plans import connected, ensure_connected
from tests.helpers.slow_device import Slow


class Missing(Device):
    """Never connects."""

    async def connect(self, *_: object, **__: object) -> None:
        raise NotConnectedError("BL01X-EA-IOC-01 does not answer")


class Line01:
    """A beamline in mock mode whose camera is absent."""

    def __init__(self) -> None:
        devices = self.devices = Beamline("x01")

        @devices.factory(mock=True)
        def stage_x() -> Motor:
            return Motor("X")

        @devices.factory(mock=True)
        def stage_y() -> Motor:
            return Motor("Y")

        @devices.factory(optional=True)
        def camera() -> Missing:
            return Missing()

        self.stage_x, self.stage_y, self.camera = stage_x, stage_y, camera

    @property
    def connected(self) -> list[str]:
        return [name for name, state in self.devices.states.items() if state.stage is Stage.CONNECTED]


@pytest.fixture
def x01() -> Line01:
    return Line01()


@dataclass
class Stages:
    x: Motor
    y: Motor


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    x: Motor
    y: Motor


class Typed(TypedDict):
    x: Motor
    y: Motor


class Named(NamedTuple):
    x: Motor
    y: Motor


def run(engine: RunEngine, plan: Callable[[], MsgGenerator[Any]]) -> Any:
    """Run a plan that returns something."""
    got = []

    def keep() -> MsgGenerator[None]:
        got.append((yield from plan()))

    engine(keep())
    return got[0]


def test_one_device_comes_back_connected(x01: Line01, run_engine: RunEngine) -> None:
    stage = run(run_engine, lambda: ensure_connected(x01.stage_x()))
    assert stage is x01.stage_x()
    run_engine(bps.mv(stage, 1.5))


def test_a_factory_gives_its_device(x01: Line01, run_engine: RunEngine) -> None:
    assert run(run_engine, lambda: ensure_connected(x01.stage_x)) is x01.stage_x()
    assert run(run_engine, lambda: ensure_connected(x01.stage_x, x01.stage_y())) == (x01.stage_x(), x01.stage_y())


def test_several_come_back_as_a_tuple(x01: Line01, run_engine: RunEngine) -> None:
    both = run(run_engine, lambda: ensure_connected(x01.stage_x(), x01.stage_y()))
    assert both == (x01.stage_x(), x01.stage_y())
    assert x01.connected == ["stage_x", "stage_y"]


def test_named_ones_come_back_by_name(x01: Line01, run_engine: RunEngine) -> None:
    named = run(run_engine, lambda: ensure_connected(stage=x01.stage_x(), other=x01.stage_y))
    assert named == {"stage": x01.stage_x(), "other": x01.stage_y()}


@pytest.mark.parametrize("make", [Stages, Model, Typed, Named, lambda x, y: [x, y], lambda x, y: {"x": x, 1: {y}}])
def test_a_composite_comes_back_as_it_is(make: Callable[..., object], x01: Line01, run_engine: RunEngine) -> None:
    composite = make(x=x01.stage_x(), y=x01.stage_y())
    assert run(run_engine, lambda: ensure_connected(composite)) is composite
    assert x01.connected == ["stage_x", "stage_y"]


def test_no_devices_at_all_is_a_list_of_none(run_engine: RunEngine) -> None:
    assert run(run_engine, lambda: ensure_connected([])) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: ensure_connected(), "found no devices in its arguments"),  # type: ignore[call-overload]
        (lambda: ensure_connected("stage_x"), "found no devices in 'stage_x'"),
        (lambda: ensure_connected(Device(), 1), "one composite of devices, not 1"),  # type: ignore[call-overload]
        (lambda: ensure_connected(Device(), x=Device()), "not both"),  # type: ignore[call-overload]
    ],
)
def test_anything_else_is_refused_at_once(wrong: Callable[[], object], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        wrong()


def test_without_yield_from_it_warns(x01: Line01) -> None:
    with pytest.warns(RuntimeWarning, match="did you mean to use `yield from`"):
        ensure_connected(x01.stage_x())


def test_a_plan_with_a_missing_device_ends_before_anything_moves(x01: Line01, run_engine: RunEngine) -> None:
    moved: list[str] = []

    def plan() -> MsgGenerator[None]:
        yield from ensure_connected(x01.stage_x(), x01.camera())
        moved.append("stage_x")
        yield from bps.mv(x01.stage_x(), 1.0)

    with pytest.raises(NotConnectedError, match="camera: failed: BL01X-EA-IOC-01 does not answer"):
        run_engine(plan())
    assert moved == []
    assert str(x01.camera.state) == "unhappy, because BL01X-EA-IOC-01 does not answer"
    assert x01.stage_x.state.stage is Stage.CONNECTED


def test_one_outline_names_all_that_are_missing(x01: Line01, run_engine: RunEngine) -> None:
    other = Missing("other")
    with pytest.raises(NotConnectedError) as caught:
        run_engine(ensure_connected(x01.camera, other))
    assert caught.value.sub_errors.keys() == {"camera", "other"}


def test_a_plan_may_go_on_without_a_device(x01: Line01, run_engine: RunEngine) -> None:
    def plan() -> MsgGenerator[str]:
        try:
            yield from ensure_connected(x01.camera)
        except NotConnectedError:
            yield from ensure_connected(x01.stage_x)
            return "without the camera"
        return "with it"

    assert run(run_engine, plan) == "without the camera"


def test_a_device_of_one_s_own_needs_no_factory(run_engine: RunEngine) -> None:
    with init_devices(connect=False):
        soft = soft_signal_rw(float, 2.0)
    run_engine(ensure_connected(soft))
    run_engine(bps.mv(soft, 3.0))


def test_a_child_connects_alone(x01: Line01, run_engine: RunEngine) -> None:
    setpoint = x01.stage_x().user_setpoint
    run_engine(ensure_connected(setpoint, mock=True))
    run_engine(bps.mv(setpoint, 3.0))


def test_a_simulated_run_engine_reaches_the_end(x01: Line01) -> None:
    def plan() -> MsgGenerator[None]:
        yield from ensure_connected(x01.stage_x(), x01.camera())
        yield from bps.null()

    messages = RunEngineSimulator().simulate_plan(plan())
    assert [message.command for message in messages] == ["wait_for", "null"]


@connected
def scan(
    stage: Motor, detectors: Sequence[Readable[Any]] = (), *, around: float = 0.0, also: Motor | None = None
) -> MsgGenerator[float]:
    """Move a stage."""
    yield from bps.mv(stage, around)
    return around


def test_a_decorated_plan_connects_its_arguments(x01: Line01, run_engine: RunEngine) -> None:
    assert run(run_engine, lambda: scan(x01.stage_x(), around=2.0, also=x01.stage_y())) == 2.0
    assert x01.connected == ["stage_x", "stage_y"]
    assert scan.__name__ == "scan"
    assert scan.__doc__ == "Move a stage."


def test_a_decorated_plan_connects_its_defaults(x01: Line01, run_engine: RunEngine) -> None:
    stage = x01.stage_x()

    @connected
    def home(axis: Motor = stage) -> MsgGenerator[None]:
        yield from bps.mv(axis, 0.0)

    run_engine(home())
    assert x01.connected == ["stage_x"]


@pytest.mark.parametrize("make", [Stages, Model, Typed, Named])
def test_a_decorated_plan_connects_what_is_in_its_composites(
    make: Callable[..., Any], x01: Line01, run_engine: RunEngine
) -> None:
    stages = make(x=x01.stage_x(), y=x01.stage_y())

    @connected
    def move(parts: Any, also: object = stages) -> MsgGenerator[None]:
        assert x01.connected == ["stage_x", "stage_y"]
        yield from bps.null()

    run_engine(move([]))
    run_engine(move([{"stages": stages}], also=None))


def test_a_decorated_plan_with_a_missing_device_ends_before_its_first_message(
    x01: Line01, run_engine: RunEngine
) -> None:
    documents: list[str] = []
    count = connected(bp.count)
    with pytest.raises(NotConnectedError, match="BL01X-EA-IOC-01 does not answer"):
        run_engine(count([x01.stage_x(), x01.camera()]), lambda name, _: documents.append(name))
    assert documents == []


def test_the_decorator_works_on_plans_of_bluesky(x01: Line01, run_engine: RunEngine) -> None:
    documents: list[str] = []
    run_engine(connected(bp.count)([x01.stage_x()], num=2), lambda name, _: documents.append(name))
    assert documents == ["start", "descriptor", "event", "event", "stop"]


def test_as_a_preprocessor_it_connects_what_every_plan_is_given(x01: Line01, run_engine: RunEngine) -> None:
    documents: list[str] = []
    run_engine.preprocessors.append(connected)
    run_engine(bp.count([x01.stage_x()]), lambda name, _: documents.append(name))
    assert documents == ["start", "descriptor", "event", "stop"]
    with pytest.raises(NotConnectedError, match="BL01X-EA-IOC-01 does not answer"):
        run_engine(bp.count([x01.camera()]))
    run_engine(bps.null())


def test_as_a_preprocessor_it_looks_into_plans_within_plans(x01: Line01, run_engine: RunEngine) -> None:
    @bpp.run_decorator()
    def move(stage: Motor) -> MsgGenerator[None]:
        yield from bps.mv(stage, 1.0)

    run_engine.preprocessors.append(connected)
    run_engine(bpp.finalize_wrapper(move(x01.stage_x()), bps.null()))
    assert x01.connected == ["stage_x"]


def test_a_plan_that_is_stopped_while_it_connects_leaves_the_attempt_alone(
    run_engine: RunEngine,
) -> None:
    @device_factory()
    def slow() -> Slow:
        return Slow()

    device = slow()

    def plan() -> MsgGenerator[None]:
        yield from ensure_connected(device)

    def interrupt(msg: object) -> None:
        async def pause() -> None:
            await device.began.wait()
            await run_engine._request_pause_coro()

        if getattr(msg, "command", "") == "wait_for":
            tasks.append(run_engine.loop.create_task(pause()))

    tasks: list[object] = []
    run_engine.msg_hook = interrupt
    with pytest.raises(RunEngineInterrupted):
        run_engine(plan())
    run_engine.msg_hook = None
    assert slow.state.stage is Stage.CONNECTING
    run_engine.abort()
    assert slow.state.stage is Stage.CONNECTING

    async def join_and_finish() -> None:
        # In this order: a foreign device that is connected is asked again, it alone knows whether that still holds.
        joining = asyncio.create_task(slow.connect())
        asyncio.get_running_loop().call_soon(device.finish.set)
        await joining

    asyncio.run_coroutine_threadsafe(join_and_finish(), run_engine.loop).result(30)
    assert slow.state.stage is Stage.CONNECTED
    assert len(device.attempts) == 1


async def test_a_foreign_device_that_is_connected_is_asked_again() -> None:
    @device_factory()
    def slow() -> Slow:
        return Slow()

    slow().finish.set()
    await slow.connect()
    await slow.connect()
    assert len(slow().attempts) == 2


def test_a_plan_does_not_wait_for_its_turn_in_the_background(run_engine: RunEngine) -> None:
    beam = Beamline("slow")
    for name in ("first", "second", "third"):

        def make() -> Slow:
            return Slow()

        make.__name__ = name
        beam.factory()(make)
    devices = {name: factory() for name, factory in beam.factories.items()}
    connections = [factory.connection for factory in beam]
    work = asyncio.run_coroutine_threadsafe(connect_in_background(connections, parallel=1), run_engine.loop)
    asyncio.run_coroutine_threadsafe(devices["first"].began.wait(), run_engine.loop).result(30)
    assert [state.stage for state in beam.states.values()] == [Stage.CONNECTING, Stage.QUEUED, Stage.QUEUED]
    run_engine.loop.call_soon_threadsafe(devices["third"].finish.set)
    run_engine(ensure_connected(beam.factories["third"]))
    assert [state.stage for state in beam.states.values()] == [Stage.CONNECTING, Stage.QUEUED, Stage.CONNECTED]
    for name in ("first", "second"):
        run_engine.loop.call_soon_threadsafe(devices[name].finish.set)
    assert work.result(30) == {}
    assert [len(device.attempts) for device in devices.values()] == [1, 1, 1]


def test_devices_are_found_wherever_plans_put_them(x01: Line01) -> None:
    x, y = x01.stage_x(), x01.stage_y()
    assert devices_within(x, [x, (y,)]) == [x, y]
    assert devices_within({"a": {y}, x: 1}) == [y, x]
    assert devices_within(Stages(x, y), Model(x=x, y=y)) == [x, y]
    assert devices_within(functools.partial(bps.mv, x, 1.0, group=y)) == [x, y]
    assert devices_within(Line(x, 0, 1, 5) * Line(y, 0, 1, 5)) == [x, y]
    assert devices_within(cycler(x, [1, 2]) * cycler(y, [3])) in ([x, y], [y, x])
    assert devices_within(x01.camera, "text", b"bytes", 4.5, None) == [x01.camera]
    assert devices_within(scan(x, around=1.0)) == [x]
    loop: list[object] = [x]
    loop.append(loop)
    assert devices_within(loop) == [x]


def test_a_failed_move_is_no_failed_connection(x01: Line01, run_engine: RunEngine) -> None:
    @connected
    def fail(stage: Motor) -> MsgGenerator[None]:
        yield from bps.null()
        raise FailedStatus("stalled")

    with pytest.raises(FailedStatus, match="stalled"):
        run_engine(fail(x01.stage_x()))
