"""A beamline shares fixtures among its factories, includes others, and starts as blueapi starts it."""

from __future__ import annotations

import asyncio
import threading
from types import ModuleType

import pytest
from bluesky import RunEngine
from ophyd_async.core import Device, NotConnectedError, Reference

from beamwright_runtime import Beamline, Motor, Policy, Stage, get_device_factories
from tests.helpers.own_module import own_module
from tests.helpers.slow_device import Slow


class Writes(Device):
    """Takes where to write, and a motor that it does not own."""

    def __init__(self, path: object, motor: Device | None = None) -> None:
        self.path = path
        self.motor = Reference(motor or Device())
        super().__init__()


class X01:
    """A beamline with a camera that takes a path, made anew for each test."""

    def __init__(self) -> None:
        self.read = 0
        devices = self.devices = Beamline("x01")

        @devices.factory(policy=Policy.EAGER)
        def stage_x() -> Motor:
            return Motor("ABSENT:X")

        @devices.factory(optional=True)
        def camera(path: object) -> Writes:
            return Writes(path)

        self.stage_x, self.camera = stage_x, camera


@pytest.fixture
def x01() -> X01:
    return X01()


def test_a_fixture_function_is_called_once_and_late() -> None:
    devices, calls = Beamline("x01"), []

    @devices.fixture
    def path() -> str:
        calls.append(1)
        return "/data"

    @devices.factory()
    def first(path: str) -> Writes:
        return Writes(path)

    @devices.factory()
    def second(path: str) -> Writes:
        return Writes(path)

    assert calls == []
    assert path() == "/data"
    assert (first().path, second().path) == ("/data", "/data")
    assert calls == [1, 1]


def test_a_value_goes_before_a_fixture_function_and_a_factory() -> None:
    devices, stand_in = Beamline("x01"), Motor("SIM:X")

    @devices.fixture
    def path() -> str:
        raise OSError("not read")

    @devices.factory()
    def motor() -> Motor:
        raise OSError("not made")

    @devices.factory()
    def camera(path: str, motor: Motor) -> Writes:
        return Writes(path, motor)

    devices.fixtures.update(path="/given", motor=stand_in)
    assert camera().path == "/given"
    assert camera().motor() is stand_in
    assert motor() is stand_in
    assert stand_in.name == "motor"


def test_a_fixture_that_failed_is_tried_again() -> None:
    devices, answers = Beamline("x01"), [OSError("file server is away"), "/data"]

    @devices.fixture
    def path() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @devices.factory()
    def camera(path: str) -> Writes:
        return Writes(path)

    with pytest.raises(OSError, match="file server is away"):
        camera()
    assert camera().path == "/data"


def test_a_fixture_takes_no_parameters() -> None:
    def path(folder: str) -> str:
        return folder

    with pytest.raises(TypeError, match="fixture path takes no parameters, not folder"):
        Beamline("x01").fixture(path)  # type: ignore[type-var]


async def test_what_a_fixture_reads_slowly_is_read_when_the_device_connects() -> None:
    devices, calls, answer = Beamline("x01"), [], asyncio.Event()

    @devices.fixture
    async def path() -> str:
        calls.append(1)
        await answer.wait()
        return "/data"

    @devices.factory()
    def camera(path: str) -> Writes:
        return Writes(path)

    @devices.factory()
    def monitor(path: str) -> Writes:
        return Writes(path)

    with pytest.raises(RuntimeError, match="fixture path is read when a device that needs it connects"):
        camera()
    waits = [asyncio.create_task(factory.connect()) for factory in (camera, monitor, camera)]
    while not calls:
        await asyncio.sleep(0)
    waits[0].cancel()
    answer.set()
    _, second, third = await asyncio.gather(*waits, return_exceptions=True)
    assert (second, third) == (monitor(), camera())
    assert camera().path == "/data"
    assert calls == [1]


async def test_a_slow_function_does_not_hold_up_the_event_loop() -> None:
    devices, go_on = Beamline("x01"), threading.Event()

    @devices.fixture
    def path() -> str:
        assert go_on.wait(30)
        return "/data"

    @devices.factory()
    def camera(path: str) -> Writes:
        return Writes(path)

    @devices.factory()
    def user(camera: Writes) -> Writes:
        return Writes(camera.path)

    waiting = asyncio.create_task(user.connect())
    asyncio.get_running_loop().call_later(0, go_on.set)
    assert (await waiting).path == "/data"


async def test_an_async_fixture_that_fails_makes_its_devices_unhappy_until_it_does_not() -> None:
    devices, answers = Beamline("x01"), ["", "/data"]

    @devices.fixture
    async def path() -> str:
        answer = answers.pop(0)
        if not answer:
            raise OSError("file server is away")
        return answer

    @devices.factory(policy=Policy.EAGER)
    def camera(path: str) -> Writes:
        return Writes(path)

    result = await asyncio.wrap_future(devices.start())
    assert list(result.build_errors) == ["camera"]
    assert str(camera.state) == "unhappy, because file server is away"
    assert (await camera.connect()).path == "/data"


def test_threads_in_a_circle_of_factories_end() -> None:
    devices = Beamline("x01")

    @devices.factory()
    def first(second: Device) -> Device:
        return Device()

    @devices.factory()
    def second(first: Device) -> Device:
        return Device()

    said: list[str] = []
    barrier = threading.Barrier(2)

    def ask(factory: object) -> None:
        barrier.wait()
        try:
            factory()  # type: ignore[operator]
        except RuntimeError as error:
            said.append(str(error))

    threads = [threading.Thread(target=ask, args=(factory,)) for factory in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.split(":")[0] for line in said) == ["first needs itself", "second needs itself"]


def test_included_devices_are_the_same_in_both(x01: X01) -> None:
    machine = Beamline("machine")

    @machine.fixture
    def path() -> str:
        return "/machine"

    @machine.factory()
    def ring() -> Device:
        return Device()

    @machine.factory()
    def logger(path: str) -> Writes:
        return Writes(path)

    x01.devices.include(machine)

    @machine.factory()
    def late() -> Device:
        return Device()

    @x01.devices.factory()
    def top_up(ring: Device) -> Writes:
        return Writes(None, ring)

    assert list(x01.devices.factories) == ["stage_x", "camera", "top_up", "ring", "logger", "late"]
    assert top_up().motor() is ring()
    assert x01.camera().path == "/machine"
    assert len(machine) == 3


def test_values_of_the_outer_beamline_reach_included_devices(x01: X01) -> None:
    outer = Beamline("facility")
    outer.include(x01.devices)
    x01.devices.fixtures["path"] = "/inner"
    outer.fixtures["path"] = "/outer"
    assert x01.camera().path == "/outer"


def test_a_name_that_both_have_is_refused(x01: X01) -> None:
    other = X01().devices
    with pytest.raises(ValueError, match="beamlines x01 and x01 both have camera, stage_x"):
        x01.devices.include(other)
    outer = Beamline("facility")
    outer.include(x01.devices)
    with pytest.raises(ValueError, match="cannot include facility, which includes it"):
        x01.devices.include(outer)
    with pytest.raises(ValueError, match="beamline facility already has a device camera"):

        @outer.factory()
        def camera() -> Device:
            return Device()


def test_factories_are_found_by_module_and_all_together(x01: X01) -> None:
    module = ModuleType("x01")
    vars(module).update(camera=x01.camera, stage=x01.stage_x)
    assert get_device_factories(module) == (x01.stage_x, x01.camera)
    whole = ModuleType("whole")
    vars(whole)["devices"] = x01.devices
    assert get_device_factories(whole) == (x01.stage_x, x01.camera)
    assert set(get_device_factories()) >= {x01.stage_x, x01.camera}


def test_a_generated_beamline_gives_its_factories() -> None:
    module = own_module("beamwright_generated.beamlines.x01")
    factories = get_device_factories(module)
    assert [factory.name for factory in factories] == list(module.devices.factories)
    assert all(factory.device is None for factory in factories)


def test_build_and_connect_makes_all_and_connects_the_eager(x01: X01, run_engine: RunEngine) -> None:
    result = x01.devices.build_and_connect(mock=True, fixtures={"path": "/data"})
    assert list(result.devices) == ["stage_x", "camera"]
    assert (result.build_errors, result.connection_errors) == ({}, {})
    assert x01.camera().path == "/data"
    assert x01.stage_x.state.stage is Stage.CONNECTED
    assert x01.camera.state.stage is Stage.BUILT
    assert x01.devices.mock


def test_build_and_connect_reports_what_is_missing(x01: X01, run_engine: RunEngine) -> None:
    @x01.devices.factory(skip=True)
    def dismounted() -> Device:
        raise OSError("not made")

    @x01.devices.factory(policy=Policy.EAGER)
    def shutter() -> Slow:
        slow = Slow()
        slow.fault = "BL01X-VA-IOC-01 does not answer"
        slow.finish.set()
        return slow

    @x01.devices.factory(policy=Policy.EAGER)
    def table() -> Device:
        return Device()

    x01.devices.fixtures["stage_x"] = Device()
    result = x01.devices.build_and_connect(timeout=1.0)
    assert list(result.devices) == ["stage_x", "shutter", "table"]
    assert list(result.build_errors) == ["camera"]
    assert "camera() needs path" in str(result.build_errors["camera"])
    assert list(result.connection_errors) == ["shutter"]
    assert result.optional == {"camera"}
    with pytest.raises(NotConnectedError, match="shutter: failed: BL01X-VA-IOC-01 does not answer"):
        result.or_raise()


async def test_build_and_connect_refuses_to_stop_its_own_event_loop(x01: X01) -> None:
    with pytest.raises(RuntimeError, match=r"x01.build_and_connect\(\) waits.*use `start\(\)`"):
        x01.devices.build_and_connect()


def test_start_needs_an_event_loop(x01: X01, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluesky.run_engine._bluesky_event_loop", None)
    with pytest.raises(RuntimeError, match=r"x01.start\(\) connects in the event loop of a RunEngine: make one first"):
        x01.devices.start()


def test_the_summary_counts(x01: X01, run_engine: RunEngine) -> None:
    assert x01.devices.summary() == "x01: 0 of 2 devices connected, 2 not asked for"
    x01.devices.start(mock=True).result(30)
    assert x01.devices.summary() == "x01: 1 of 2 devices connected, 1 not asked for"
