"""The example beamline is used as a beamline is: its plans run, its devices connect, its types refuse mistakes."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from ophyd_async.core import (
    SignalR,
    StaticFilenameProvider,
    StaticPathProvider,
    callback_on_mock_put,
    get_mock_put,
    set_mock_value,
)

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.gauge import Gauge, GaugeStatus
from beamwright_generated.devices.shutter import Shutter, ShutterControl, ShutterInterlock, ShutterState
from beamwright_generated.devices.sim_detector import SimDetectorSimMode
from beamwright_generated.devices.temperature import TemperatureHeaterRange
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.devices.template_instances import Instances
from beamwright_runtime import Motor, Panda
from examples.plans.align import align, align_slits
from examples.plans.count_camera import count_camera
from examples.plans.ramp_temperature import ramp_temperature
from examples.plans.vacuum_ok import VacuumNotReadyError, open_shutter, vacuum_ok
from tests.mock_camera import take_a_frame_on_acquire
from tests.soft_records import place
from tests.softioc import SoftIoc
from tests.type_checkers import Fault, basedpyright_faults, mypy_faults

Documents = dict[str, list[Any]]


class Runner:
    """A RunEngine that keeps the documents of each run."""

    def __init__(self, engine: RunEngine) -> None:
        self.engine = engine

    def __call__(self, plan: Any) -> tuple[Documents, Any]:
        documents: Documents = {}
        done = self.engine(plan, lambda name, document: documents.setdefault(name, []).append(document))
        return documents, done.plan_result


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    loop = asyncio.new_event_loop()
    engine = RunEngine({}, loop=loop, call_returns_result=True)
    yield Runner(engine)
    loop.call_soon_threadsafe(loop.stop)
    engine._th.join()
    loop.close()


@pytest.fixture(scope="module")
def devices(run: Runner) -> dict[str, Any]:
    """Every device of the beamline, connected in mock mode in the order of the module."""
    provider = StaticPathProvider(StaticFilenameProvider("frames"), Path("/data"))
    for writer in (x01.camera, x01.panda):
        writer(connect=True, mock=True, path_provider=provider)
    return {factory.name: factory(connect=True, mock=True) for factory in x01.devices}


@pytest.fixture
def camera(devices: dict[str, Any]) -> x01.Camera:
    """The camera; it takes a frame of 4 x 3 pixels, and writes it, whenever its driver acquires."""
    camera = x01.camera()
    take_a_frame_on_acquire(camera)
    return camera


def value(run: Runner, signal: SignalR[Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(signal.get_value(), run.engine.loop).result(10)


# -- factories


def test_every_factory_makes_its_device_and_connects_in_mock_mode(devices: dict[str, Any], run: Runner) -> None:
    assert list(devices) == list(x01.devices.factories)
    for name, device in devices.items():
        assert device is x01.devices.factories[name]()
        assert device.name == name
        assert list(device.children()), name
    assert value(run, x01.sample_temperature().heater_range) is TemperatureHeaterRange.OFF


def test_the_beamline_module_exports_every_factory() -> None:
    assert set(x01.devices.factories) < set(x01.__all__)


# -- plans


def beam_at(camera: x01.Camera, axis: Motor, position: float) -> None:
    """Let the camera see a beam that is at some position of an axis."""

    async def acquire(on: bool) -> None:
        if on:
            away = await axis.user_readback.get_value() - position
            set_mock_value(camera.stat.total, 1000 * math.exp(-(away**2)))

    callback_on_mock_put(camera.driver.acquire, acquire)


def test_align_leaves_the_axis_where_it_is_brightest(run: Runner, camera: x01.Camera) -> None:
    axis = x01.stage_x()
    beam_at(camera, axis, 0.4)
    documents, best = run(align(axis, camera, width=2.0, points=11))
    assert best == pytest.approx(0.4)
    assert value(run, axis.user_readback) == pytest.approx(0.4)
    assert documents["start"][0]["plan_name"] == "align"
    assert [event["data"]["stage_x"] for event in documents["event"]] == pytest.approx([i / 5 - 1 for i in range(11)])
    totals = [event["data"]["camera-stat-total"] for event in documents["event"]]
    assert max(range(11), key=totals.__getitem__) == 7
    assert documents["stop"][0]["exit_status"] == "success"


def test_align_slits_centres_both_directions_and_opens_the_gaps_again(run: Runner, camera: x01.Camera) -> None:
    slits = x01.slits()
    for gap in (slits.x_gap, slits.y_gap):
        set_mock_value(gap.user_setpoint, 3.0)
    beam_at(camera, slits.x_centre, 0.125)
    documents, centres = run(align_slits(slits, camera, gap=0.05))
    assert centres[0] == pytest.approx(0.125)
    assert len(documents["start"]) == len(documents["stop"]) == 2
    assert [value(run, gap.user_setpoint) for gap in (slits.x_gap, slits.y_gap)] == [3.0, 3.0]


def test_align_slits_opens_the_gaps_when_it_fails(run: Runner, camera: x01.Camera) -> None:
    slits = x01.slits()
    set_mock_value(slits.x_gap.user_setpoint, 3.0)

    def acquire(on: bool) -> None:
        raise OSError("the camera is gone")

    callback_on_mock_put(camera.driver.acquire, acquire)
    with pytest.raises(Exception, match="camera"):
        run(align_slits(slits, camera, gap=0.05))
    assert value(run, slits.x_gap.user_setpoint) == 3.0


def test_count_camera_writes_frames_of_the_pattern(run: Runner, camera: x01.Camera) -> None:
    documents, identifier = run(count_camera(camera, exposure=0.2, num=3, pattern=SimDetectorSimMode.SINE))
    assert documents["start"][0]["uid"] == identifier
    assert documents["start"][0]["pattern"] == "Sine"
    assert value(run, camera.driver.sim_mode) is SimDetectorSimMode.SINE
    assert documents["descriptor"][0]["configuration"]["camera"]["data"]["camera-driver-acquire_time"] == 0.2
    assert documents["descriptor"][0]["data_keys"]["camera"]["shape"] == [1, 3, 4]
    assert [datum["indices"]["stop"] for datum in documents["stream_datum"]] == [1, 2, 3]
    assert len(documents["event"]) == 3


def test_ramp_temperature_ends_when_the_sample_is_there(run: Runner, devices: dict[str, Any]) -> None:
    controller = x01.sample_temperature()
    set_mock_value(controller.heater_range, TemperatureHeaterRange.HIGH)
    set_mock_value(controller.sample_temperature, 300.0)

    def heat(setpoint: float) -> None:
        set_mock_value(controller.sample_temperature, (300 + setpoint) / 2)
        set_mock_value(controller.sample_temperature, setpoint - 0.05)

    callback_on_mock_put(controller.setpoint, heat)
    documents, _ = run(ramp_temperature(controller, 310.0, rate=6.0))
    streams = {descriptor["uid"]: descriptor["name"] for descriptor in documents["descriptor"]}
    seen = {
        name: [e["data"] for e in documents["event"] if streams[e["descriptor"]] == name] for name in streams.values()
    }
    key = "sample_temperature-sample_temperature"
    assert [data[key] for data in seen["temperature"]][-1] == 309.95
    assert seen["primary"] == [{key: 309.95, "sample_temperature-heater_output": 0.0}]
    configuration = documents["descriptor"][-1]["configuration"]["sample_temperature"]["data"]
    assert configuration["sample_temperature-ramp_rate"] == 6.0
    assert configuration["sample_temperature-setpoint"] == 310.0


def test_ramp_temperature_refuses_to_start_without_a_heater(run: Runner, devices: dict[str, Any]) -> None:
    controller = x01.sample_temperature()
    set_mock_value(controller.heater_range, TemperatureHeaterRange.OFF)
    with pytest.raises(RuntimeError, match="the heater of sample_temperature is off"):
        run(ramp_temperature(controller, 310.0))


@pytest.fixture
def vacuum(devices: dict[str, Any]) -> tuple[list[Gauge], list[Shutter]]:
    """Good vacuum, open valves, a good interlock and a closed shutter."""
    gauges = [x01.va_gauge_01(), x01.va_gauge_02(), x01.va_gauge_03()]
    valves = [x01.va_valve_01(), x01.va_valve_02()]
    for gauge in gauges:
        set_mock_value(gauge.status, GaugeStatus.OK)
        set_mock_value(gauge.pressure, 2e-9)
    for valve in valves:
        set_mock_value(valve.state, ShutterState.OPEN)
    shutter = x01.photon_shutter()
    set_mock_value(shutter.state, ShutterState.CLOSED)
    set_mock_value(shutter.interlock, ShutterInterlock.GOOD)
    get_mock_put(shutter.control).reset_mock()
    return gauges, valves


def test_the_shutter_opens_when_the_vacuum_is_good(run: Runner, vacuum: tuple[list[Gauge], list[Shutter]]) -> None:
    gauges, valves = vacuum
    shutter = x01.photon_shutter()

    def move(control: ShutterControl) -> None:
        set_mock_value(shutter.state, ShutterState.OPENING)
        set_mock_value(shutter.state, ShutterState.OPEN)

    callback_on_mock_put(shutter.control, move)
    assert run(vacuum_ok(gauges, valves))[1] == []
    run(open_shutter(shutter, gauges, valves))
    get_mock_put(shutter.control).assert_called_once_with(ShutterControl.OPEN)
    assert value(run, shutter.state) is ShutterState.OPEN


def test_the_shutter_stays_closed_and_the_reasons_are_said(
    run: Runner, vacuum: tuple[list[Gauge], list[Shutter]]
) -> None:
    gauges, valves = vacuum
    shutter = x01.photon_shutter()
    set_mock_value(gauges[0].pressure, 3e-5)
    set_mock_value(gauges[1].status, GaugeStatus.SENSOR_ERROR)
    set_mock_value(valves[1].state, ShutterState.CLOSED)
    set_mock_value(shutter.interlock, ShutterInterlock.BAD)
    with pytest.raises(VacuumNotReadyError) as refused:
        run(open_shutter(shutter, gauges, valves))
    assert str(refused.value).split("; ") == [
        "va_gauge_01: 3.0e-05 mbar is above 1.0e-06 mbar",
        "va_gauge_02: Sensor error",
        "va_valve_02: Closed",
        "photon_shutter: the interlock is Bad",
    ]
    get_mock_put(shutter.control).assert_not_called()


# -- what type checkers refuse

WRONG_PLAN = '''\
"""A plan with the mistakes that a beamline meets at night."""

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.shutter import Shutter, ShutterControl
from beamwright_generated.devices.sim_detector import SimDetectorSimMode
from examples.plans.align import align
from examples.plans.count_camera import count_camera
from examples.plans.vacuum_ok import open_shutter


def night(camera: x01.Camera, shutter: Shutter) -> MsgGenerator[None]:
    yield from bps.mv(camera.driver.sim_mode, SimDetectorSimMode.PEAKS)
    yield from bps.mv(camera.driver.sim_mode, SimDetectorSimMode.PEAK)  # refused
    yield from bps.mv(camera.driver.simmode, SimDetectorSimMode.PEAKS)  # refused
    yield from bps.mv(shutter.control, ShutterControl.CLOSED)  # refused
    yield from count_camera(camera, exposure=0.1, pattern="Peaks")  # refused
    yield from align(x01.slits(), camera, width=1.0)  # refused
    yield from open_shutter(shutter, [x01.va_valve_01()], [])  # refused
    yield from bps.mv(x01.slits().x_gap, 1.0)
    yield from bps.mv(x01.slits().gap, 1.0)  # refused


async def at_the_prompt() -> None:
    await x01.camera().driver.sim_mode.set("Peaks")  # refused
    await x01.camera().driver.acquire_time.set("0.1")  # refused
    await x01.va_gauge_01().pressure.set(0.0)  # refused
    await x01.photon_shutter().control.set(ShutterControl.OPEN)
'''


@pytest.mark.parametrize("checker", [mypy_faults, basedpyright_faults])
def test_exactly_the_mistakes_of_a_plan_are_refused(checker: Callable[..., list[Fault]], tmp_path: Path) -> None:
    file = tmp_path / "night.py"
    file.write_text(WRONG_PLAN)
    marked = {n for n, line in enumerate(WRONG_PLAN.splitlines(), start=1) if line.endswith("# refused")}
    assert len(marked) == 10
    assert {fault.line for fault in checker(file)} == marked


@pytest.mark.parametrize("plan", sorted((Path(__file__).parents[1] / "examples" / "plans").glob("*.py")), ids=str)
def test_plans_need_no_ignores(plan: Path) -> None:
    text = plan.read_text()
    assert [word for word in ("ignore", "noqa", "Any", "cast(") if word in text] == []


# -- servers


@pytest.fixture(scope="module")
def soft_iocs() -> Iterator[SoftIoc]:
    """The records that the example's IOCs load, as far as EPICS base has their types."""
    root = Path(__file__).resolve().parent.parent
    problems = Problems()
    project = BeamlineProject.open(root / "examples" / "x01" / "beamline.yaml", problems)
    assert project is not None
    loads = list(Instances(project).read())
    assert not problems.errors
    with SoftIoc(*(place(load.path, **load.macros) for load in loads)) as ioc:
        yield ioc


def test_every_device_connects_to_its_records_and_all_signals_read(soft_iocs: SoftIoc) -> None:
    client = Path(__file__).with_name("example_client.py")
    printed = soft_iocs.run([sys.executable, "-W", "error", str(client)])
    read = [json.loads(line) for line in printed.splitlines()]
    elsewhere = Motor | Panda | x01.Slits
    served = {name for name, factory in x01.devices.factories.items() if not isinstance(factory(), elsewhere)}
    assert {device for device, *_ in read} == served
    assert all(pv.startswith(("ca://BL01X-", "ca://SR01-")) for _, _, pv, _ in read)
    assert len({name for _, name, _, _ in read}) == len(read) > 400
    kinds = Counter(kind for *_, kind in read)
    assert {"SimDetectorSimMode", "ShutterState", "ADImageMode", "bool", "int", "float", "str", "ndarray"} <= set(kinds)
