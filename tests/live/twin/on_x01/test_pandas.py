"""The PandA of a running twin on its motors, through ophyd-async's unmodified HDFPanda and the generated class."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import pytest_asyncio
from ophyd_async.core import (
    DetectorTrigger,
    StandardFlyable,
    StaticFilenameProvider,
    StaticPathProvider,
    TriggerInfo,
    wait_for_value,
)
from ophyd_async.epics.motor import Motor
from ophyd_async.fastcs.panda import (
    HDFPanda,
    PandaPcompDirection,
    PcompInfo,
    PosOutScaleOffset,
    ScanSpecInfo,
    ScanSpecSeqTableFlyableLogic,
    SeqTable,
    SeqTableInfo,
    SeqTrigger,
    StaticPcompFlyableLogic,
    StaticSeqTableFlyableLogic,
)
from scanspec.specs import Fly, Line

from beamwright_generated.devices.panda import PandaDevice
from beamwright_twin import Twin, TwinError
from tests.helpers.areadetector import P as CAMERA
from tests.helpers.areadetector import captured, end_capture, put, start_capture, wait_for
from tests.helpers.own_process import ON_X01_IN_ONE_LOOP

pytestmark = ON_X01_IN_ONE_LOOP

P = "BL01X-EA-PANDA-01:"
X, Y = "BL01X-MO-STAGE-01:X", "BL01X-MO-STAGE-01:Y"
COUNT = 0.0001
"""Millimetres for each count of the encoders, which is one step of the motors."""

WAITING = 7
LEVEL = DetectorTrigger.EXTERNAL_LEVEL


@pytest_asyncio.fixture(params=[HDFPanda, PandaDevice], ids=["ophyd-async", "generated"])
async def panda(request: pytest.FixtureRequest, twin: Twin, tmp_path: Path) -> AsyncIterator[Any]:
    prefix = P if request.param is HDFPanda else f"pva://{P}"
    made = request.param(prefix, StaticPathProvider(StaticFilenameProvider("scan"), tmp_path), name="panda")
    await made.connect()
    await made.inenc[1].val_dataset.set("x")
    yield made
    await made.unstage()


@pytest_asyncio.fixture
async def motor(twin: Twin) -> AsyncIterator[Motor]:
    made = Motor(X, name="x")
    await made.connect()
    await made.velocity.set(2.0)
    await made.set(-1.0)
    yield made
    await made.stop()


async def armed(panda: Any, flyer: StandardFlyable[Any, Any], rows: int, value: Any) -> None:
    """Stage, prepare and start a box that is to capture rows, and what triggers it."""
    await asyncio.gather(panda.stage(), flyer.stage())
    await panda.prepare(TriggerInfo(trigger=LEVEL, number_of_events=rows))
    await flyer.prepare(value)
    await panda.kickoff()
    await flyer.kickoff()


async def ended(panda: Any, flyer: StandardFlyable[Any, Any]) -> None:
    await asyncio.gather(flyer.complete(), panda.complete())
    await asyncio.gather(panda.unstage(), flyer.unstage())


def rows_of(folder: Path, name: str = "x") -> Any:
    with h5py.File(folder / "scan.h5", "r") as file:
        return file[name][:]


def late(twin: Twin) -> int:
    """Tell how often the box heard of a motion too late to be exact."""
    return int(twin.iocs["BL01X-EA-IOC-02"].order("late"))


@pytest.mark.parametrize(("start", "end", "direction"), [(-1.0, 1.0, "Positive"), (1.0, -1.0, "Negative")])
async def test_position_compare_captures_the_positions_it_was_given(
    panda: Any, motor: Motor, twin: Twin, tmp_path: Path, start: float, end: float, direction: str
) -> None:
    await motor.set(start)
    await panda.pcap.trig.set("PCOMP1.OUT")
    way, step, rows = (1 if end > start else -1), 123, 100
    first = round(start * 0.7 / COUNT)
    flyer = StaticPcompFlyableLogic(panda.pcomp[1]).with_device()
    compare = PcompInfo(
        start_position=first,
        pulse_width=50,
        rising_edge_step=step,
        number_of_pulses=rows,
        direction=PandaPcompDirection(direction),
    )
    await armed(panda, flyer, rows, compare)
    await asyncio.gather(motor.set(end), ended(panda, flyer))
    assert rows_of(tmp_path).tolist() == [(first + way * step * row) * COUNT for row in range(rows)]
    assert late(twin) == 0


async def test_a_table_captures_an_axis_on_its_way_at_exact_times(
    panda: Any, motor: Motor, twin: Twin, tmp_path: Path
) -> None:
    await panda.pcap.trig.set("SEQ1.OUTA")
    await panda.seq[1].posa.set("INENC1.VAL")
    flyer = StaticSeqTableFlyableLogic(panda.seq[1]).with_device()
    rows, period = 2000, 1000
    table = SeqTable.row(trigger=SeqTrigger.POSA_GT, position=round(-0.5 / COUNT)) + SeqTable.row(
        repeats=rows, time1=period // 2, outa1=True, time2=period // 2
    )
    await armed(panda, flyer, rows, SeqTableInfo(sequence_table=table, repeats=1))
    await asyncio.gather(motor.set(4.0), ended(panda, flyer))
    captured = rows_of(tmp_path)
    assert captured.shape == (rows,)
    trajectory = twin.trajectories[X]
    first = next(trajectory.crossings(-0.5 - COUNT / 2)) + 1e-6
    expected = [trajectory.position(first + row * period * 1e-6) for row in range(rows)]
    assert np.abs(captured - expected).max() <= COUNT / 2 + 2e-8
    assert late(twin) == 0


async def test_a_scan_specification_is_flown(panda: Any, motor: Motor, tmp_path: Path) -> None:
    encoder = PosOutScaleOffset.from_inenc(panda, 1)
    await asyncio.gather(panda.pcap.trig.set("SEQ1.OUTA"), panda.seq[1].bita.set("ZERO"))
    flyer = ScanSpecSeqTableFlyableLogic(panda.seq[1], {motor: encoder}).with_device()
    await armed(panda, flyer, 20, ScanSpecInfo(spec=Fly(0.05 @ Line(motor, 0.05, 1.95, 20)), deadtime=0.01))
    await panda.seq[1].bita.set("ONE")
    await asyncio.gather(motor.set(4.0), ended(panda, flyer))
    assert np.diff(rows_of(tmp_path)) == pytest.approx([0.1] * 19, abs=COUNT)
    assert rows_of(tmp_path)[0] == pytest.approx(0.0, abs=COUNT)


@pytest.fixture
def camera(twin: Twin, tmp_path: Path) -> Iterator[Any]:
    """The camera, waiting for triggers from outside; what it takes is captured into `frames.h5`."""
    start_capture(twin, tmp_path, "frames")
    small = {"CAM:AcquireTime": 0.002, "CAM:SizeX": 64, "CAM:SizeY": 48, "CAM:ArrayCallbacks": 1}
    put(twin, {**small, "CAM:TriggerMode": "External", "CAM:ImageMode": "Continuous", "CAM:Acquire": 1})
    wait_for(twin, "CAM:DetectorState_RBV", WAITING)
    yield twin.camera(CAMERA)
    put(twin, {"CAM:Acquire": 0, "CAM:TriggerMode": "Internal", "CAM:ImageMode": "Multiple"})
    put(twin, {"CAM:SizeX": 1024, "CAM:SizeY": 1024})
    end_capture(twin)


async def test_an_axis_triggers_rows_and_frames_at_the_same_moments(
    panda: Any, motor: Motor, camera: Any, twin: Twin, tmp_path: Path
) -> None:
    missed, rows = camera.missed, 25
    await panda.pcap.trig.set("SEQ1.OUTA")
    await panda.seq[1].posa.set("INENC1.VAL")
    places = np.cumsum(np.linspace(200, 900, rows)).astype(int) - 5000
    table = SeqTable.empty()
    for place in places:
        table += SeqTable.row(trigger=SeqTrigger.POSA_GT, position=int(place), time1=100, outa1=True, time2=100)
    flyer = StaticSeqTableFlyableLogic(panda.seq[1]).with_device()
    await armed(panda, flyer, rows, SeqTableInfo(sequence_table=table, repeats=1))
    await asyncio.gather(motor.set(2.0), ended(panda, flyer))
    assert rows_of(tmp_path).tolist() == [place * COUNT for place in places]
    numbers, stamps = await asyncio.to_thread(captured, twin, tmp_path / "frames.h5", rows)
    assert numbers == list(range(numbers[0], numbers[0] + rows))
    assert camera.missed == missed
    passed = [next(twin.trajectories[X].crossings((place - 0.5) * COUNT)) for place in places]
    assert np.diff(stamps) == pytest.approx(np.diff(passed), abs=1e-6)


async def test_encoders_follow_motors_in_the_units_of_their_users(panda: Any, motor: Motor, twin: Twin) -> None:
    scale, offset = await asyncio.gather(panda.inenc[1].val_scale.get_value(), panda.inenc[1].val_offset.get_value())
    await motor.set(0.25)
    counts = PandaDevice(f"pva://{P}", name="counts").inenc[1].val
    await counts.connect()
    await wait_for_value(counts, round((0.25 - offset) / scale), timeout=5)
    assert twin.get(f"{P}Inenc:1:Val") * scale + offset == pytest.approx(0.25)


async def test_an_axis_that_is_stopped_sends_no_more_pulses(
    panda: Any, motor: Motor, twin: Twin, tmp_path: Path
) -> None:
    await panda.pcap.trig.set("PCOMP1.OUT")
    flyer = StaticPcompFlyableLogic(panda.pcomp[1]).with_device()
    compare = PcompInfo(
        start_position=0,
        pulse_width=10,
        rising_edge_step=100,
        number_of_pulses=1000,
        direction=PandaPcompDirection.POSITIVE,
    )
    await armed(panda, flyer, 1000, compare)
    moving = motor.set(5.0)
    await wait_for_value(panda.data.num_captured, lambda rows: rows >= 10, timeout=10)
    await motor.stop()
    await asyncio.wait([moving.task])
    await wait_for_value(motor.motor_done_move, 1, timeout=10)
    rest = twin.trajectories[X].target
    written = int(rest / COUNT / 100 + 0.5 / 100) + 1
    await wait_for_value(panda.data.num_captured, written, timeout=5)
    await asyncio.gather(panda.unstage(), flyer.unstage())
    assert rows_of(tmp_path).tolist() == [row * 100 * COUNT for row in range(written)]
    assert not await panda.pcomp[1].active.get_value()


async def test_a_killed_box_comes_back_with_its_axes_where_they_are(motor: Motor, twin: Twin) -> None:
    await motor.set(0.5)
    with twin.down("BL01X-EA-IOC-02"):
        await motor.set(0.75)
    while twin.get(f"{P}Inenc:1:Val") != 7500:
        await asyncio.sleep(0)
    with pytest.raises(TwinError, match="there is no folder 'nowhere'"):
        twin.put(f"{P}Data:HdfDirectory", "nowhere") or twin.put(f"{P}Data:Capture", True)


async def test_wires_can_be_changed(twin: Twin) -> None:
    other = Motor(Y, name="y")
    await other.connect()
    await other.set(0.3)
    twin.wire(f"{P}INENC1.VAL", motor=Y, resolution=0.01, dataset="other")
    try:
        while twin.get(f"{P}Inenc:1:Val") != 30:
            await asyncio.sleep(0)
        assert twin.get(f"{P}Data:Datasets")["name"] == ["other", "y"]
    finally:
        twin.wire(f"{P}INENC1.VAL", motor=X)
    for signal, given, wrong in (
        ("OTHER:INENC1.VAL", {"motor": X}, "begins with the prefix of no snapshot"),
        (f"{P}INENC7.VAL", {"motor": X}, "has no signal INENC7.VAL"),
        (f"{P}INENC1.VAL", {"motor": "BL01X-NO"}, "is not a motor record"),
        (f"{P}SEQ1.OUTA", {"motor": X}, "is not an encoder"),
        (f"{P}SEQ1.OUTA", {"cameras": ["BL01X-NO"]}, "no record begins with"),
        (f"{P}SEQ1.OUTA", {}, "to a motor or to cameras"),
    ):
        with pytest.raises(TwinError, match=wrong):
            twin.wire(signal, **given)
