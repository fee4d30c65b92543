"""Factories make a device once, fill its parameters and connect it on demand."""

from __future__ import annotations

import threading
from pathlib import Path

import bluesky.plan_stubs as bps
import bluesky.run_engine
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from ophyd_async.core import (
    Device,
    NotConnectedError,
    PathProvider,
    Reference,
    StaticFilenameProvider,
    StaticPathProvider,
)
from ophyd_async.plan_stubs import ensure_connected

from beamwright_runtime import Beamline, DeviceFactory, Motor, Policy, device_factory
from tests.helpers.example_devices import Camera


class Aligner(Device):
    """Uses a motor that it does not own."""

    def __init__(self, motor: Motor, steps: int = 5) -> None:
        self.motor = Reference(motor)
        self.steps = steps
        super().__init__()


class X01:
    """A beamline as it is generated, made anew for each test."""

    def __init__(self) -> None:
        self.made: list[str] = []
        devices = self.devices = Beamline("x01")

        @devices.factory(policy=Policy.EAGER, timeout=0.2)
        def stage_x() -> Motor:
            """Sample stage, horizontal."""
            self.made.append("stage_x")
            return Motor("ABSENT:X")

        @devices.factory(policy=Policy.LAZY, optional=True)
        def camera(path_provider: PathProvider) -> Camera:
            return Camera(path_provider)

        @devices.factory(skip=lambda: True, mock=True)
        def aligner(stage_x: Motor, steps: int = 7) -> Aligner:
            return Aligner(stage_x, steps)

        @devices.factory(prefix="ABSENT:Y")
        def stage_y(prefix: str) -> Motor:
            return Motor(prefix)

        self.stage_x, self.camera, self.aligner, self.stage_y = stage_x, camera, aligner, stage_y


@pytest.fixture
def x01() -> X01:
    return X01()


@pytest.fixture
def path_provider(tmp_path: Path) -> StaticPathProvider:
    return StaticPathProvider(StaticFilenameProvider("frames"), tmp_path)


def test_nothing_is_made_before_the_first_call(x01: X01) -> None:
    assert x01.made == []
    assert x01.stage_x.device is None
    assert x01.stage_x() is x01.stage_x()
    assert x01.made == ["stage_x"]


def test_a_device_is_named_after_its_function(x01: X01) -> None:
    assert x01.stage_x().name == "stage_x"
    assert x01.stage_x().user_setpoint.name == "stage_x-user_setpoint"


def test_a_beamline_gives_its_factories_in_order(x01: X01) -> None:
    assert list(x01.devices.factories) == ["stage_x", "camera", "aligner", "stage_y"]
    assert list(x01.devices) == [x01.stage_x, x01.camera, x01.aligner, x01.stage_y]
    assert len(x01.devices) == 4
    assert repr(x01.devices) == "<beamline x01: 4 devices>"
    with pytest.raises(TypeError):
        x01.devices.factories["more"] = x01.stage_x


def test_a_factory_keeps_what_it_was_given(x01: X01) -> None:
    assert x01.stage_x.policy is Policy.EAGER
    assert x01.stage_x.timeout == 0.2
    assert x01.camera.optional
    assert not x01.camera.skip
    assert x01.aligner.skip
    assert x01.stage_x.__doc__ == "Sample stage, horizontal."
    assert repr(x01.stage_x) == "<device factory stage_x>"


def test_a_parameter_named_like_a_factory_is_its_device(x01: X01) -> None:
    assert x01.aligner().motor() is x01.stage_x()


def test_defaults_arguments_and_the_prefix_fill_parameters(x01: X01) -> None:
    assert x01.aligner().steps == 7
    assert X01().aligner(steps=2).steps == 2
    assert x01.stage_y().user_setpoint.source == "ca://ABSENT:Y.VAL"


def test_fixtures_fill_parameters(x01: X01, path_provider: PathProvider) -> None:
    x01.devices.fixtures["path_provider"] = path_provider
    assert isinstance(x01.camera(), Camera)


def test_a_call_fills_parameters_before_fixtures_do(x01: X01, path_provider: PathProvider) -> None:
    x01.devices.fixtures["path_provider"] = None
    x01.camera(path_provider=path_provider)
    assert x01.camera(path_provider=path_provider) is x01.camera()


def test_a_parameter_that_nothing_fills_is_named(x01: X01) -> None:
    with pytest.raises(TypeError, match=r"camera\(\) needs path_provider: .*devices.fixtures\[\"path_provider\"\]"):
        x01.camera()


def test_an_argument_without_a_parameter_is_refused(x01: X01) -> None:
    with pytest.raises(TypeError, match=r"camera\(\) takes path_provider, not path"):
        x01.camera(path=1)


def test_another_argument_for_a_device_that_is_made_is_refused(x01: X01, path_provider: PathProvider) -> None:
    x01.camera(path_provider=path_provider)
    with pytest.raises(ValueError, match="camera is already made, with another path_provider"):
        x01.camera(path_provider=StaticPathProvider(StaticFilenameProvider("other"), Path()))


def test_a_failed_making_is_tried_again() -> None:
    calls = []

    @device_factory()
    def flaky() -> Motor:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("no configuration yet")
        return Motor("X")

    with pytest.raises(OSError, match="no configuration yet"):
        flaky()
    assert flaky().name == "flaky"


def test_factories_that_need_each_other_are_refused() -> None:
    devices = Beamline("x01")

    @devices.factory()
    def first(second: Device) -> Device:
        return Device()

    @devices.factory()
    def second(first: Device) -> Device:
        return Device()

    with pytest.raises(RuntimeError, match="first needs itself"):
        first()


def test_one_name_is_one_device(x01: X01) -> None:
    def stage_x() -> Motor:
        return Motor("OTHER")

    with pytest.raises(ValueError, match="x01 already has a device stage_x"):
        x01.devices.factory()(stage_x)


def test_a_parameter_named_like_a_choice_of_connecting_is_refused() -> None:
    def camera(timeout: float) -> Device:
        return Device()

    with pytest.raises(TypeError, match="a parameter named timeout, which is reserved"):
        device_factory()(camera)


def test_threads_get_the_same_device(x01: X01) -> None:
    barrier, got = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        got.append(x01.stage_x())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, got))) == 1


def test_it_connects_in_mock_mode_with_just_a_run_engine(x01: X01, run_engine: RunEngine) -> None:
    stage_x = x01.stage_x(connect=True, mock=True)
    run_engine(bps.mv(stage_x, 2.5))
    assert run_engine.loop.is_running()


def test_connecting_includes_the_devices_it_was_made_with(x01: X01, run_engine: RunEngine) -> None:
    aligner = x01.aligner(connect=True)  # the factory says mock=True
    run_engine(bps.mv(aligner.motor(), 1.0))


def test_without_a_run_engine_it_says_so(x01: X01, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bluesky.run_engine, "_bluesky_event_loop", None)
    with pytest.raises(
        RuntimeError, match=r"stage_x\(connect=True\) connects in the event loop of a RunEngine: make one first"
    ):
        x01.stage_x(connect=True, mock=True)


async def test_in_async_code_it_says_what_to_do_instead(x01: X01) -> None:
    with pytest.raises(RuntimeError, match=r"use `await device.connect\(\)` in async code"):
        x01.stage_x(connect=True, mock=True)
    await x01.stage_x().connect(mock=True)


def test_in_a_plan_it_says_what_to_do_instead(x01: X01, run_engine: RunEngine) -> None:
    def wrong() -> MsgGenerator[None]:
        yield from bps.mv(x01.stage_x(connect=True, mock=True), 1.0)

    def right() -> MsgGenerator[None]:
        yield from ensure_connected(x01.stage_x(), mock=True)
        yield from bps.mv(x01.stage_x(), 1.0)

    with pytest.raises(RuntimeError, match=r"yield from ensure_connected\(device\)"):
        run_engine(wrong())
    run_engine(right())


def test_a_factory_needs_no_beamline() -> None:
    @device_factory(policy=Policy.EXPLICIT, prefix="X")
    def stage(prefix: str) -> Motor:
        return Motor(prefix)

    assert isinstance(stage, DeviceFactory)
    assert stage.policy is Policy.EXPLICIT
    assert stage().name == "stage"


def test_what_does_not_answer_is_named(x01: X01, run_engine: RunEngine) -> None:
    with pytest.raises(NotConnectedError, match=r"ABSENT:X does not answer: \d+ PVs never found \(ca://ABSENT:X.EGU"):
        x01.stage_x(connect=True)
