"""blueapi loads a generated beamline and runs plans with it; dodal takes its devices."""

# Annotations are kept as types here: dodal's manager reads the names of the classes from them.
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine

from beamwright_runtime import Beamline, Motor, Stage
from tests.helpers.soft_records import place
from tests.helpers.softioc import SoftIoc


@pytest.fixture
def blueapi() -> None:
    pytest.importorskip("blueapi.core.context", reason="blueapi is not installed: pip install .[blueapi]")


@pytest.fixture
def dodal() -> None:
    pytest.importorskip("dodal.device_manager", reason="dodal is not installed: pip install .[blueapi]")


PLANS = """
from collections.abc import Sequence
from typing import Any

import bluesky.plans as bp
from bluesky.protocols import Readable
from bluesky.utils import MsgGenerator

from beamwright_runtime.plans import connected

@connected
def count(detectors: Sequence[Readable[Any]], num: int = 1) -> MsgGenerator[None]:
    yield from bp.count(detectors, num)
"""

LOAD = """
import sys
sys.path.insert(0, FOLDER)

from blueapi.config import DeviceManagerSource, EnvironmentConfig, PlanSource
from blueapi.core import BlueskyContext

context = BlueskyContext()
manager = DeviceManagerSource(module=MODULE, mock=MOCK)
context.with_config(EnvironmentConfig(sources=[manager, PlanSource(module="x99_plans")]))

def run(name, **parameters):
    model = context.plans[name].model(**parameters)
    arguments = {field: getattr(model, field) for field in type(model).model_fields}
    documents = []
    context.run_engine(context.plan_functions[name](**arguments), lambda kind, _: documents.append(kind))
    return documents
"""


def load(module: str, folder: Path, *, mock: bool) -> str:
    """Write the start of a client that loads a beamline and plans as blueapi's worker does."""
    (folder / "x99_plans.py").write_text(PLANS)
    return LOAD.replace("FOLDER", repr(str(folder))).replace("MODULE", repr(module)).replace("MOCK", repr(mock))


@pytest.mark.usefixtures("blueapi")
def test_a_beamline_is_a_device_manager() -> None:
    from blueapi.core import DeviceManager

    assert isinstance(Beamline("x01"), DeviceManager)


@pytest.mark.usefixtures("blueapi")
def test_blueapi_loads_the_generated_beamline_and_counts(soft_ioc: SoftIoc, tmp_path: Path) -> None:
    said = soft_ioc.client(f"""{load("beamwright_generated.beamlines.x01", tmp_path, mock=True)}
from beamwright_generated.beamlines import x01
print(len(context.devices), "camera" in context.devices)
print(x01.stage_x.state, x01.va_gauge_01.state)
print(run("count", detectors=["stage_x", "va_gauge_01"], num=2))
print(x01.va_gauge_01.state)
""")
    assert said.splitlines() == [
        "14 False",
        "connected built",
        "['start', 'descriptor', 'event', 'event', 'stop']",
        "connected",
    ]


BEAMLINE = """
from typing import Annotated as A
from ophyd_async.core import PathProvider, SignalR, StandardReadable, StandardReadableFormat as Format
from ophyd_async.epics.core import PvSuffix
from beamwright_runtime import Beamline, Policy, RecordDevice

class Gauge(RecordDevice, StandardReadable):
    number: A[SignalR[float], PvSuffix("Number"), Format.HINTED_SIGNAL]

devices = Beamline("x99")

@devices.factory(policy=Policy.EAGER)
def gauge() -> Gauge:
    return Gauge("T:")

@devices.factory(policy=Policy.EAGER, optional=True, timeout=0.3)
def absent() -> Gauge:
    return Gauge("ABSENT:")

@devices.factory()
def lazy() -> Gauge:
    return Gauge("T:")

@devices.factory()
def camera(path_provider: PathProvider) -> Gauge:
    return Gauge("T:")
"""


@pytest.mark.usefixtures("blueapi")
def test_blueapi_starts_while_a_device_is_absent_and_counts_real_records(soft_ioc: SoftIoc, tmp_path: Path) -> None:
    (tmp_path / "x99.py").write_text(BEAMLINE)
    said = soft_ioc.client(f"""{load("x99", tmp_path, mock=False)}
import x99
print(sorted(context.devices))
print(x99.gauge.state, x99.lazy.state, x99.absent.state.stage.value, x99.camera.state)
print(run("count", detectors=["gauge", "lazy"]))
documents = []
try:
    run("count", detectors=["gauge", "absent"])
except Exception as error:
    print(type(error).__name__, "ABSENT:Number" in str(error))
""")
    assert said.splitlines() == [
        "['absent', 'gauge', 'lazy']",
        "connected built unhappy not built",
        "['start', 'descriptor', 'event', 'stop']",
        "ConnectionFailedError True",
    ]


WORK = """
import threading
from blueapi.worker import Task, TaskWorker

worker = TaskWorker(context)
documents, ended = [], threading.Event()
worker.data_events.subscribe(lambda event, _: documents.append((event.name, event.doc)))
worker.worker_events.subscribe(lambda event, _: ended.set() if event.is_complete() else None)
worker.start()

def work(**parameters):
    ended.clear()
    task = worker.submit_task(Task(name="count", params=parameters))
    worker.begin_task(task)
    assert ended.wait(60)
    return worker.get_task_by_id(task).outcome
"""


@pytest.mark.usefixtures("blueapi")
def test_a_worker_of_blueapi_counts_with_the_generated_beamline(repository: Path, tmp_path: Path) -> None:
    gauge = repository / "examples" / "x01" / "ioc" / "vacuum" / "gauge.template"
    with SoftIoc(place(gauge, P="BL01X-VA-GAUGE-01:"), place(gauge, P="BL01X-VA-GAUGE-02:")) as ioc:
        said = ioc.client(f"""
from beamwright_generated.beamlines import x01
from beamwright_runtime import Policy

for factory in x01.devices:  # the motors have no server
    factory.policy = Policy.LAZY
x01.va_gauge_03.connection._timeout = 0.5
{load("beamwright_generated.beamlines.x01", tmp_path, mock=False)}{WORK}
print(work(detectors=["va_gauge_01", "va_gauge_02"], num=2).outcome, [name for name, _ in documents])
print(sorted(documents[2][1]["data"]), x01.va_gauge_01.state, x01.va_gauge_02.state)
documents.clear()
failed = work(detectors=["va_gauge_01", "va_gauge_03"])
print(failed.type, "BL01X-VA-GAUGE-03 does not answer" in failed.message, documents)
print(work(detectors=["va_gauge_01"]).outcome)
worker.stop()
""")
    assert said.splitlines() == [
        "success ['start', 'descriptor', 'event', 'event', 'stop']",
        "['va_gauge_01-pressure', 'va_gauge_02-pressure'] connected connected",
        "ConnectionFailedError True []",
        "success",
    ]


@pytest.mark.usefixtures("blueapi")
def test_the_path_provider_of_blueapi_reaches_the_camera(soft_ioc: SoftIoc) -> None:
    said = soft_ioc.client("""
from pathlib import Path
from blueapi.config import DeviceManagerSource, EnvironmentConfig
from blueapi.core import BlueskyContext
from ophyd_async.core import StaticFilenameProvider, StaticPathProvider
from beamwright_generated.beamlines import x01

context = BlueskyContext(path_provider=StaticPathProvider(StaticFilenameProvider("frames"), Path("/data")))
manager = DeviceManagerSource(module="beamwright_generated.beamlines.x01", mock=True)
context.with_config(EnvironmentConfig(sources=[manager]))
print(len(context.devices), context.devices["camera"] is x01.camera())
""")
    assert said.splitlines() == ["16 True"]


def make_motor() -> Motor:
    return Motor("X")


@pytest.fixture
def manager(dodal: None) -> Iterator[Any]:
    """A device manager of dodal; its module is forgotten, since it imports much that looks for hardware."""
    from dodal.device_manager import DeviceManager

    yield DeviceManager()
    assert "dodal" in sys.modules


def test_dodal_takes_devices_of_ours_as_fixtures_and_as_factories(manager: Any, run_engine: RunEngine) -> None:
    ours = Beamline("x01")
    ours.factory()(make_motor)
    motor = ours.factories["make_motor"]

    def stage() -> Motor:
        device = motor()
        assert isinstance(device, Motor)
        return device

    def user(other: Motor) -> Motor:
        assert other is motor()
        return other

    manager.factory(stage)
    manager.factory(skip=True)(user)
    result = manager.build_and_connect(mock=True, fixtures={"other": motor()})
    assert result.or_raise() == {"stage": motor()}
    assert manager.build_devices(manager["user"], fixtures={"other": motor()}).or_raise().devices["user"] is motor()


def test_devices_of_a_manager_of_dodal_stand_in_a_beamline(manager: Any, run_engine: RunEngine) -> None:
    manager.factory(make_motor)
    ours = Beamline("x01")

    @ours.factory()
    def stage() -> Motor:
        device = manager["make_motor"].build()
        assert isinstance(device, Motor)
        return device

    assert ours.build_and_connect(mock=True).devices == {"stage": stage()}
    stage(connect=True)
    assert stage.state.stage is Stage.CONNECTED
