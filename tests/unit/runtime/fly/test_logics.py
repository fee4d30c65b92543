"""The parts that a scanner holds, each by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ophyd_async.fastcs.panda import PulseBlock, SeqTrigger
from scanspec.specs import Concat, Fly, Linspace, Spec

from beamwright_runtime.fly import (
    Emission,
    FlyScanError,
    FlyState,
    PulseTrains,
    Scan,
    ScanRefusedError,
    Segment,
    SoftwareTriggers,
    rows_of,
)
from beamwright_runtime.fly.detectors.row_progress import RowProgress
from beamwright_runtime.fly.fly_state import StateMachine
from beamwright_runtime.fly.segment_log import SegmentLog
from beamwright_runtime.fly.triggers.panda_triggers import REPEATS, table_of


def table(
    spec: Spec[Any], compared: str | None = "x", gated: bool = True, deadtime: float = 0.002, **parts: int
) -> list[tuple[Any, ...]]:
    points = Scan(spec, flown={"x", "y"} & set(spec.axes())).points(**parts)
    made = table_of(points, compared, scale=0.001, offset=0.0, deadtime=deadtime, gated=gated)  # type: ignore[arg-type]
    return [
        (SeqTrigger(trigger), int(position), int(repeats), int(time1), int(time2), bool(high))
        for trigger, position, repeats, time1, time2, high in zip(
            made.trigger, made.position, made.repeats, made.time1, made.time2, made.outa1, strict=True
        )
    ]


def test_each_row_waits_until_the_axis_is_before_its_start_and_passes_it() -> None:
    snaked: Spec[Any] = Fly(0.1 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 1, 3, 3)))
    frames = (SeqTrigger.BITA_1, 0, 3, 98000, 2000, True)
    assert table(snaked) == [
        (SeqTrigger.POSA_LT, 499, 1, 0, 0, False),
        (SeqTrigger.POSA_GT, 500, 1, 0, 0, False),
        frames,
        (SeqTrigger.POSA_GT, 3501, 1, 0, 0, False),
        (SeqTrigger.POSA_LT, 3500, 1, 0, 0, False),
        frames,
    ]


def test_a_row_that_goes_on_in_the_middle_starts_there() -> None:
    snaked: Spec[Any] = Fly(0.1 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 1, 3, 3)))
    rows = table(snaked, start=4, stop=6)
    assert rows[1][:2] == (SeqTrigger.POSA_LT, 2500)
    assert rows[2][2] == 2


def test_frames_keep_their_own_durations() -> None:
    spec: Spec[Any] = Fly(Concat(0.1 @ Linspace("x", 1, 3, 3), 0.4 @ Linspace("x", 4, 5, 2)))
    timed = [row[2:5] for row in table(spec, compared=None, gated=False)]
    assert timed == [(3, 98000, 2000), (2, 398000, 2000)]


@pytest.mark.parametrize("deadtime", [0.0, 8e-9, 1.4e-6])
def test_frames_are_as_far_apart_as_they_last_however_short_the_deadtime(deadtime: float) -> None:
    spec: Spec[Any] = Fly(0.001 @ Linspace("x", 0, 1, 1000))
    ((*_, high, low, _),) = table(spec, compared=None, deadtime=deadtime)
    assert high + low == 1000
    assert low >= 1


def test_a_long_row_takes_several_of_the_table() -> None:
    spec: Spec[Any] = Fly(0.1 @ Linspace("x", 0, 1, 100_000))
    assert [row[2] for row in table(spec)[2:]] == [REPEATS, 100_000 - REPEATS]


def test_a_table_that_is_too_long_is_refused() -> None:
    rows: Spec[Any] = Fly(0.1 @ (Linspace("y", 0, 1, 1400) * ~Linspace("x", 0, 1, 3)))
    with pytest.raises(ScanRefusedError, match="need 4200 of the 4096 rows"):
        table(rows)


def test_rows_are_found_by_scan_index() -> None:
    segments = [Segment(0, 0, 4, 0, 7, "beam", 0, 0), Segment(1, 4, 6, 7, 2, "done", 0, 7)]
    assert rows_of(segments, 7).tolist() == [0, 1, 2, 3, 7, 8, -1]


def test_a_segment_is_told_once() -> None:
    log = SegmentLog("fly_segments")
    log.add(0, 0, 0, 0, "pause", 0, 0)
    assert not log.has_pending
    log.add(0, 3, 0, 3, "pause", 0, 0)
    (event,) = list(log.collect())
    assert event["data"]["fly_segments-stop"] == 3
    assert list(log.collect()) == []


def test_progress_knows_what_was_on_disk_when() -> None:
    progress = RowProgress()
    progress.restart(5)
    began = time.monotonic()
    progress.record(6)
    assert progress.before(began - 10) == 5
    assert progress.before(time.monotonic()) == 6
    assert progress.rows == 6


@pytest.mark.parametrize("behind", [{"frames": -1}, {"seconds": -0.1}])
def test_documents_are_never_ahead(behind: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be ahead"):
        Emission(**behind)


def test_a_scanner_that_was_not_prepared_cannot_run() -> None:
    machine = StateMachine()
    with pytest.raises(FlyScanError, match="idle cannot become running"):
        machine.to(FlyState.RUNNING)


@pytest.mark.parametrize(
    ("spec", "deadtime", "reason"),
    [
        (Fly(Concat(0.1 @ Linspace("x", 1, 3, 3), 0.4 @ Linspace("x", 4, 5, 2))), 0.0, "of different lengths"),
        (Fly(0.004 @ Linspace("x", 0, 1, 3)), 0.001, "0.001 s apart leave no 0.001 s"),
    ],
)
async def test_trains_of_pulses_are_refused_where_they_do_not_fit(
    spec: Spec[Any], deadtime: float, reason: str
) -> None:
    block = PulseBlock(name="pulse")
    trains = PulseTrains(SoftwareTriggers(), "SEQ1.OUTA", {2: block, 4: block})
    with pytest.raises(ScanRefusedError, match=reason):
        await trains.check(Scan(spec, flown={"x"}).points(), deadtime)
