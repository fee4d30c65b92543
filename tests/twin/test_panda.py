"""A box plays its blocks at exact times, from axes whose positions are exact functions of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.yaml.snapshot_file import parse_snapshot
from beamwright_generator.problems import Problems
from beamwright_twin.description.wiring import Wire
from beamwright_twin.panda.bus import Encoder
from beamwright_twin.panda.engine import TICK, Engine
from beamwright_twin.panda.panda_box import PandaBox
from beamwright_twin.pva.pvi_server import PviTree
from beamwright_twin.sim.axis_motion import Profile, Trajectory

X = "BL01X-MO-STAGE-01:X"
PREFIX = "BL01X-EA-PANDA-01:"
PROFILE = Profile.of(velocity=2.0, base=0.0, ramp=0.5)
IDLE: Mapping[str, Any] = {"repeats": 1, "trigger": "Immediate", "position": 0, "time1": 0, "time2": 0}


class Box:
    """The example's box on a bench: it is written to, and its time goes on when it is told so."""

    def __init__(self, text: str) -> None:
        snapshot = parse_snapshot(Source(Path("panda.yaml"), "panda.yaml", text), Problems())
        assert snapshot is not None
        self.signals = PviTree(snapshot.root, lambda *_: None, lambda _: None).signals
        self.panda = PandaBox(self.signals)
        self.rises: dict[str, list[float]] = {}

    def wire(self, resolution: float = 0.001, **given: Any) -> None:
        self.panda.connect(Wire(PREFIX, "INENC1.VAL", X, resolution, resolution, dataset="x", **given))

    def write(self, **values: Any) -> None:
        for name, value in values.items():
            self.signals[name.replace("__", ".")].write(value)

    def get(self, name: str) -> Any:
        return self.signals[name].value

    def watch(self, *outputs: str) -> None:
        for output in outputs:
            times = self.rises.setdefault(output, [])
            self.panda.bus.on_rise(output, lambda times=times: times.append(self.panda.engine.now))

    def until(self, time: float) -> None:
        self.panda.run(time, lag=0.0)

    def table(self, *rows: Mapping[str, Any]) -> None:
        outputs = {f"out{output}{phase}": False for output in "abcdef" for phase in "12"}
        whole = [{**IDLE, **outputs, **row} for row in rows]
        columns = self.signals["seq.1.table"].recorded.columns
        self.write(seq__1__table={name: [row[name] for row in whole] for name in columns})


@pytest.fixture
def box(repository: Path) -> Box:
    return Box((repository / "examples" / "x01" / "snapshots" / "panda.yaml").read_text())


def capture_to(box: Box, folder: Path, mode: str = "FOREVER", rows: int = 0, flush: float = 0.0) -> None:
    box.write(data__hdf_directory=str(folder), data__hdf_file_name="scan.h5", data__capture_mode=mode)
    box.write(data__num_capture=rows, data__flush_period=flush, data__capture=True, pcap__arm=True)


def rows_of(folder: Path, name: str = "x") -> Any:
    with h5py.File(folder / "scan.h5", "r") as file:
        return file[name][:]


# -- engine


def test_what_waits_for_a_condition_is_asked_again_after_each_change() -> None:
    engine, times, moment = Engine(), list[float](), [10.0]

    def steps() -> Iterator[Any]:
        yield lambda: moment[0]
        times.append(engine.now)
        yield engine.now + 1
        times.append(engine.now)

    engine.start(steps())  # type: ignore[arg-type]
    for at, then in ((2.0, 7.0), (3.0, 5.0), (4.0, 6.0)):
        engine.at(at, lambda then=then: (moment.__setitem__(0, then), engine.changed()))
    engine.run(8.0)
    assert times == [6.0, 7.0]
    assert not engine.running
    assert engine.now == 8.0


def test_too_much_for_one_go_is_left_for_the_next() -> None:
    engine = Engine()
    for number in range(10):
        engine.at(number, lambda: None)
    assert not engine.run(100.0, most=5)
    assert engine.now == 4.0
    assert engine.run(100.0)
    assert engine.now == 100.0


def test_what_is_written_as_the_last_thing_ends_is_not_left_lying(box: Box) -> None:
    box.table({"trigger": "BITA=1", "time1": 1000})
    box.write(seq__1__enable="ONE")
    box.until(1.0)
    assert box.panda.busy
    box.panda.write(2.0, lambda: box.write(seq__1__enable="ZERO"))
    box.panda.write(2.01, lambda: box.write(seq__1__repeats=7))
    box.panda.run(2.035, lag=0.03)
    # Nobody looks at a box again in which nothing runs.
    assert not box.panda.busy
    assert box.get("seq.1.repeats") == 7


# -- encoders


@pytest.mark.parametrize("resolution", [0.001, -0.001, 0.0003, 1e-6])
@pytest.mark.parametrize("target", [3.0, -3.0])
def test_an_encoder_is_at_a_count_at_the_very_tick_that_is_told(resolution: float, target: float) -> None:
    encoder = Encoder(resolution)
    encoder.trajectory = PROFILE.move(1.0, 0.0, target)
    end = encoder.counts(100.0)
    assert end == round(target / resolution)
    upward = end > 0
    for counts in np.linspace(1 if upward else -1, end, 40).astype(int).tolist():
        tick = encoder.reach(counts, upward, 0.0)
        assert encoder.counts(tick) == counts
        before = encoder.counts(tick - 2 * TICK)
        assert before < counts if upward else before > counts
        assert encoder.reach(counts, upward, tick) == tick
    assert encoder.reach(end + (1 if upward else -1), upward, 0.0) == float("inf")


def test_a_position_can_be_called_by_another_number() -> None:
    encoder = Encoder(0.01)
    encoder.trajectory = Trajectory.rest(2.0)
    encoder.call(1000, 0.0)
    assert encoder.counts(5.0) == 1000
    encoder.trajectory = PROFILE.move(5.0, 2.0, 3.0)
    assert encoder.counts(100.0) == 1100


# -- blocks


def test_a_table_is_played_tick_by_tick(box: Box) -> None:
    box.watch("SEQ1.OUTA", "SEQ1.OUTB")
    box.write(seq__1__prescale=1.0, seq__1__prescale_units="us", seq__1__repeats=2)
    box.table(
        {"repeats": 3, "time1": 400, "outa1": True, "time2": 600},
        {"time1": 0, "time2": 1000, "outb2": True},
    )
    box.write(seq__1__enable="ONE")
    assert box.get("seq.1.active")
    box.until(1.0)
    assert box.rises["SEQ1.OUTA"] == pytest.approx([0, 1e-3, 2e-3, 4e-3, 5e-3, 6e-3], abs=1e-12)
    assert box.rises["SEQ1.OUTB"] == pytest.approx([3e-3, 7e-3], abs=1e-12)
    assert not box.get("seq.1.active")
    assert not box.panda.bus.bit("SEQ1.OUTB")


def test_a_table_waits_for_bits_and_positions_and_is_stopped(box: Box) -> None:
    box.wire()
    box.watch("SEQ1.OUTA")
    box.write(seq__1__bita="TTLIN1.VAL", seq__1__posa="INENC1.VAL", seq__1__prescale=1.0, seq__1__repeats=1)
    box.table(
        {"trigger": "BITA=1"},
        {"trigger": "POSA>=POSITION", "position": 500, "time1": 10, "outa1": True, "time2": 10},
        {"trigger": "POSA<=POSITION", "position": -1000},
    )
    box.write(seq__1__enable="ONE")
    box.until(1.0)
    assert box.get("seq.1.table_line") == 1
    box.panda.bus.set("TTLIN1.VAL", True)
    box.until(2.0)
    assert box.get("seq.1.table_line") == 2
    move = PROFILE.move(2.0, 0.0, 1.0)
    box.panda.move(X, move)
    box.until(9.0)
    (rise,) = box.rises["SEQ1.OUTA"]
    assert move.position(rise) == pytest.approx(0.4995, abs=1e-6)
    assert box.get("seq.1.table_line") == 3
    box.write(seq__1__enable="ZERO")
    assert not box.get("seq.1.active")
    assert not box.panda.busy


@pytest.mark.parametrize(
    ("direction", "start", "target"), [("Positive", 100, 3.0), ("Negative", -100, -3.0), ("Either", -100, -3.0)]
)
def test_position_compare_captures_exactly_the_positions_it_was_given(
    box: Box, tmp_path: Path, direction: str, start: int, target: float
) -> None:
    box.wire()
    box.write(pcap__trig="PCOMP1.OUT", pcomp__1__dir=direction)
    box.write(pcomp__1__start=start, pcomp__1__step=70, pcomp__1__width=30, pcomp__1__pulses=40)
    capture_to(box, tmp_path)
    box.write(pcomp__1__enable="ONE")
    box.panda.move(X, PROFILE.move(1.0, 0.0, target))
    box.until(60.0)
    way = -1 if target < 0 else 1
    assert box.get("data.num_captured") == 40
    assert not box.get("pcomp.1.active")
    box.write(pcap__arm=False, data__capture=False)
    assert rows_of(tmp_path).tolist() == [(start + way * 70 * row) * 0.001 for row in range(40)]


def test_a_motion_that_is_changed_on_the_way_moves_what_is_to_come(box: Box) -> None:
    box.wire()
    box.watch("PCOMP1.OUT")
    box.write(pcomp__1__start=100, pcomp__1__step=2000, pcomp__1__width=10, pcomp__1__pulses=2, pcomp__1__enable="ONE")
    first = PROFILE.move(1.0, 0.0, 3.0)
    box.panda.move(X, first)
    box.until(1.5)
    stopped = PROFILE.stop(1.6, *first.at(1.6))
    box.panda.move(X, stopped)
    box.until(5.0)
    assert len(box.rises["PCOMP1.OUT"]) == 1
    again = PROFILE.move(6.0, stopped.target, 3.0)
    box.panda.move(X, again)
    box.until(20.0)
    assert again.position(box.rises["PCOMP1.OUT"][1]) == pytest.approx(2.0995, abs=1e-6)
    assert not box.panda.busy
    assert box.panda.late == 0


def test_position_compare_waits_until_the_axis_is_before_its_start(box: Box) -> None:
    box.wire()
    box.watch("PCOMP1.OUT")
    box.panda.move(X, Trajectory.rest(1.0))
    box.until(0.5)
    box.write(pcomp__1__start=500, pcomp__1__step=10, pcomp__1__pulses=1, pcomp__1__enable="ONE")
    back = PROFILE.move(1.0, 1.0, 0.0)
    box.panda.move(X, back)
    box.until(9.0)
    assert box.rises["PCOMP1.OUT"] == []
    forth = PROFILE.move(10.0, 0.0, 1.0)
    box.panda.move(X, forth)
    box.until(20.0)
    (rise,) = box.rises["PCOMP1.OUT"]
    assert forth.position(rise) == pytest.approx(0.4995, abs=1e-6)


def test_pulses_follow_a_trigger_and_overlapping_ones_are_dropped(box: Box) -> None:
    box.watch("PULSE1.OUT")
    box.write(pulse__1__delay=0.5, pulse__1__width=0.1, pulse__1__step=0.25, pulse__1__pulses=3)
    box.write(pulse__1__trig="TTLIN1.VAL", pulse__1__enable="ONE")
    for time in (1.0, 1.5, 4.0):
        box.panda.engine.at(time, lambda: box.panda.bus.set("TTLIN1.VAL", True))
        box.panda.engine.at(time + 0.01, lambda: box.panda.bus.set("TTLIN1.VAL", False))
    box.until(10.0)
    assert box.rises["PULSE1.OUT"] == pytest.approx([1.5, 1.75, 2.0, 4.5, 4.75, 5.0])


# -- capture


def test_only_so_many_rows_are_written_where_that_was_asked(box: Box, tmp_path: Path) -> None:
    box.table({"repeats": 20, "time1": 500, "outa1": True, "time2": 500})
    box.wire()
    capture_to(box, tmp_path, "FIRST_N", rows=7)
    box.write(seq__1__enable="ONE")
    box.until(1.0)
    assert box.get("data.num_captured") == 7
    assert not box.get("data.capture")
    assert len(rows_of(tmp_path)) == 7


def test_the_last_rows_are_kept_until_the_end_where_that_was_asked(box: Box, tmp_path: Path) -> None:
    box.wire()
    box.panda.move(X, PROFILE.move(0.0, 0.0, 10.0))
    box.table({"repeats": 20, "time1": 500, "outa1": True, "time2": 500})
    capture_to(box, tmp_path, "LAST_N", rows=3)
    box.write(seq__1__enable="ONE")
    box.until(1.0)
    assert box.get("data.num_captured") == 0
    box.write(data__capture=False)
    assert box.get("data.num_captured") == 3
    expected = [PROFILE.move(0.0, 0.0, 10.0).position(row * 1e-3) for row in (17, 18, 19)]
    assert rows_of(tmp_path) == pytest.approx(expected, abs=0.0005)


def test_a_file_can_be_read_while_it_grows_and_outlives_arming(box: Box, tmp_path: Path) -> None:
    box.wire()
    box.table({"repeats": 5, "time1": 500, "outa1": True, "time2": 500})
    capture_to(box, tmp_path)
    for turn in (1, 2):
        box.write(pcap__arm=True, seq__1__enable="ONE")
        box.until(turn)
        box.write(pcap__arm=False, seq__1__enable="ZERO")
        with h5py.File(tmp_path / "scan.h5", "r", swmr=True) as file:
            assert file["x"].shape == (5 * turn,)
            assert file["x"].chunks == (1024,)
    box.write(data__capture=False)
    assert box.get("data.num_captured") == 10


def test_rows_wait_for_the_flush_period_or_for_the_command(box: Box, tmp_path: Path) -> None:
    box.wire()
    box.write(seq__1__repeats=0)
    box.table({"time1": 500, "outa1": True, "time2": 500})
    capture_to(box, tmp_path, flush=1.0)
    box.write(seq__1__enable="ONE")
    box.until(0.5)
    assert box.get("data.num_captured") == 0
    box.write(data__flush_now=True)
    assert box.get("data.num_captured") == pytest.approx(500, abs=1)
    box.until(1.2)
    assert box.get("data.num_captured") == pytest.approx(500, abs=1)
    box.until(1.6)
    assert box.get("data.num_captured") == pytest.approx(1600, abs=1)


def test_nothing_is_captured_unless_the_box_is_armed(box: Box, tmp_path: Path) -> None:
    box.wire()
    box.table({"repeats": 5, "time1": 500, "outa1": True, "time2": 500})
    capture_to(box, tmp_path)
    box.write(pcap__arm=False, seq__1__enable="ONE")
    box.until(1.0)
    box.write(data__capture=False)
    assert rows_of(tmp_path).tolist() == []


def test_the_table_of_datasets_says_what_is_captured(box: Box) -> None:
    assert box.get("data.datasets") == {"name": [], "dtype": []}
    box.wire()
    assert box.get("data.datasets") == {"name": ["x"], "dtype": ["float64"]}
    box.write(inenc__2__val_capture="Value", inenc__2__val_dataset="other")
    assert box.get("data.datasets")["name"] == ["x", "other"]
    box.write(inenc__1__val_capture="No")
    assert box.get("data.datasets")["name"] == ["other"]


def test_folders_that_are_missing_are_made_or_told(box: Box, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    box.write(data__hdf_directory=str(folder))
    assert not box.get("data.directory_exists")
    with pytest.raises(ValueError, match="there is no folder"):
        box.write(data__capture=True)
    assert not box.get("data.capture")
    box.write(data__create_directory=-2, data__hdf_directory=str(folder))
    assert box.get("data.directory_exists")
    box.write(data__hdf_file_name="no/such.h5")
    with pytest.raises(ValueError, match="cannot write"):
        box.write(data__capture=True)


def test_outputs_that_are_wired_to_cameras_give_exact_times(box: Box) -> None:
    box.panda.connect(Wire(PREFIX, "SEQ1.OUTA", cameras=("CAM:",)))
    box.table({"repeats": 3, "time1": 100, "outa1": True, "time2": 100})
    box.write(seq__1__enable="ONE")
    box.until(1.0)
    assert box.panda.triggers == {"CAM:": pytest.approx([0.0, 2e-4, 4e-4], abs=1e-12)}


def test_a_motion_that_is_heard_of_too_late_is_counted(box: Box) -> None:
    box.wire()
    box.write(pcomp__1__start=500, pcomp__1__step=10, pcomp__1__pulses=1, pcomp__1__enable="ONE")
    box.until(1.0)
    box.until(3.0)
    box.panda.move(X, PROFILE.move(2.0, 0.0, 1.0))
    assert box.panda.late == 1


def test_a_table_without_end_or_time_can_be_stopped(box: Box) -> None:
    box.write(seq__1__repeats=0)
    box.table({"repeats": 0})
    box.write(seq__1__enable="ONE")
    box.until(10.0)
    assert box.panda.behind
    box.panda.write(10.0, lambda: box.write(seq__1__enable="ZERO"))
    box.until(10.0)
    assert not box.panda.busy
    assert not box.panda.behind
