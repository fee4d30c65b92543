"""One specification as a global index: positions, gaps, durations, run-up, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scanspec.specs import Concat, Ellipse, Fly, Linspace, Polygon, Spec, Spiral, Squash, Static

from beamwright_runtime.fly import Scan, ScanRefusedError
from beamwright_runtime.fly.scan import constant_velocity, run_down, run_up

GRID: Spec[str] = Fly(0.1 @ (Linspace("z", 5, 6, 2) * Linspace("y", 0, 1, 3) * ~Linspace("x", 0, 3, 4)))


def test_cuts_at_the_first_dimension_that_flies() -> None:
    scan = Scan(GRID)
    assert (scan.outer_axes, scan.axes) == (["z", "y"], ["x"])
    assert (len(scan), scan.steps, scan.flight_frames, scan.shape) == (24, 6, 4, (2, 3, 4))
    assert scan.outer_positions(4) == {"z": 6.0, "y": 0.5}


def test_cuts_where_the_flown_axes_begin() -> None:
    scan = Scan(GRID, flown={"x", "y"})
    assert (scan.outer_axes, scan.axes) == (["z"], ["y", "x"])
    assert (scan.steps, scan.flight_frames) == (2, 12)
    assert [scan.step(index) for index in (0, 11, 12, 23)] == [0, 0, 1, 1]


def test_snakes_on_across_flights() -> None:
    scan = Scan(GRID)
    rows = [scan.points(start, start + 4).midpoints["x"].tolist() for start in range(0, 24, 4)]
    assert rows == [[0, 1, 2, 3], [3, 2, 1, 0]] * 3


def test_gives_any_stretch_as_the_whole_does() -> None:
    scan = Scan(GRID, flown={"x", "y"})
    whole = scan.points()
    for start in range(len(scan)):
        part = scan.points(start, min(start + 5, len(scan)))
        cut = slice(start, part.stop)
        assert np.array_equal(part.midpoints["x"], whole.midpoints["x"][cut])
        assert np.array_equal(part.lower["x"], whole.lower["x"][cut])
        assert np.array_equal(part.gap[1:], whole.gap[cut][1:])
        assert part.gap[0]
    with pytest.raises(IndexError, match="frames 0 to 24, not 20 to 25"):
        scan.points(20, 25)


def test_every_row_starts_with_a_gap_also_in_the_middle() -> None:
    scan = Scan(GRID, flown={"x", "y"})
    assert np.flatnonzero(scan.points().gap).tolist() == [0, 4, 8, 12, 16, 20]
    assert [(row.start, row.stop) for row in scan.points(6, 14).rows()] == [(6, 8), (8, 12), (12, 14)]


def test_a_turn_on_the_spot_is_a_gap() -> None:
    # The slow axis stands still: nothing but the turn tells one row from the next.
    scan = Scan(Fly(0.1 @ (Static("y", 1.0, 2) * ~Linspace("x", 0, 2, 3))), flown={"x", "y"})
    assert np.flatnonzero(scan.points().gap).tolist() == [0, 3]


def test_a_line_that_ends_where_it_starts_starts_with_a_gap() -> None:
    there = Linspace("x", 0.5, 2.5, 3)
    scan = Scan(Fly(0.1 @ Concat(there, Linspace("x", 2.5, 0.5, 3))))
    assert np.flatnonzero(scan.points().gap).tolist() == [0, 3]


def test_durations_follow_the_frames_of_a_reversed_row() -> None:
    slow = Concat(0.1 @ Linspace("x", 0, 1, 2), 0.3 @ Linspace("x", 2, 3, 2))
    scan = Scan(Fly(Linspace("y", 0, 1, 2) * ~slow))
    assert scan.constant_duration is None
    assert scan.points().duration.tolist() == [0.1, 0.1, 0.3, 0.3, 0.3, 0.3, 0.1, 0.1]
    assert scan.points().midpoints["x"].tolist() == [0, 1, 2, 3, 3, 2, 1, 0]
    parts = [(part.start, part.stop, part.velocity("x")[0]) for part in constant_velocity(scan.points(0, 8))]
    assert [part[:2] for part in parts] == [(0, 2), (2, 4), (4, 6), (6, 8)]
    assert np.allclose([part[2] for part in parts], [10, 10 / 3, -10 / 3, -10])


def test_runs_up_to_a_frame_in_the_middle_of_a_row_that_goes_back() -> None:
    row = Scan(GRID, flown={"x", "y"}).points(5, 8)
    assert row.midpoints["x"].tolist() == [2, 1, 0]
    assert run_up(row, "x", 0.2) == pytest.approx(2.5 + 10 * 0.2 / 2)
    assert run_down(row, "x", 0.2) == pytest.approx(-0.5 - 10 * 0.2 / 2)
    assert run_up(row, "x", 0.2, frame=1) == pytest.approx(1.5 + 1)
    assert run_up(row, "y", 0.2) == 0.5


@given(start=st.integers(0, 23), ramp=st.floats(0, 2))
@settings(max_examples=50, deadline=None)
def test_at_constant_acceleration_a_run_up_arrives_with_the_velocity_of_its_frame(start: int, ramp: float) -> None:
    row = Scan(GRID, flown={"x", "y"}).points(start, 24).rows()[0]
    for axis in ("x", "y"):
        velocity = row.velocity(axis)[0]
        assert run_up(row, axis, ramp) + velocity * ramp / 2 == pytest.approx(row.lower[axis][0])


def test_an_ellipse_flies_as_one_dimension() -> None:
    scan = Scan(Fly(0.1 @ Ellipse("x", 0, 4, 1, "y", 0, 4, snake=True)))
    assert scan.axes == ["y", "x"]
    assert scan.steps == 1
    lengths = [len(row) for row in constant_velocity(scan.points())]
    assert sum(lengths) == len(scan)
    assert lengths == [1, 3, 5, 3, 1]


def test_a_region_may_be_repeated_and_stepped() -> None:
    region = Polygon("x", "y", [(0, 0), (4, 0), (4, 4)], 1)
    scan = Scan(Fly(0.1 @ (Linspace("z", 0, 1, 2) * region)))
    assert scan.outer_axes == ["z"]
    assert len(scan) == 2 * scan.flight_frames
    assert scan.points(scan.flight_frames, scan.flight_frames + 1).gap[0]


def test_says_what_rows_mean() -> None:
    facts = json.loads(json.dumps(Scan(GRID).facts()))
    assert facts["shape"] == [2, 3, 4]
    assert facts["dimensions"] == [["z"], ["y"], ["x"]]
    assert facts["snaked"] == [False, False, True]
    assert facts["duration"] == 0.1
    assert Spec.deserialize(facts["spec"]).shape() == (2, 3, 4)


@pytest.mark.parametrize(
    ("spec", "flown", "reason"),
    [
        (0.1 @ Linspace("x", 0, 1, 2), None, r"nothing flies: .* Fly\(\.\.\.\)"),
        (0.1 @ Linspace("x", 0, 1, 2), {"x"}, "x only steps"),
        (Fly(Linspace("x", 0, 1, 2)), None, "frames have no duration"),
        (Fly(0.0 @ Linspace("x", 0, 1, 2)), None, "no positive duration"),
        (Fly(0.1 @ Linspace("x", 0, float("inf"), 2)), None, "x has a position that is not a number"),
        (Fly(0.1 @ Linspace("x", 0, 1, 2)), {"y"}, "moves none of y, only x"),
        (Fly(0.1 @ Squash(Linspace("y", 0, 1, 2) * Linspace("x", 0, 1, 2))), {"x"}, "y would have to step inside"),
        (Fly(0.1 @ Ellipse("x", 0, 4, 1, "y", 0, 4)), {"x"}, "y would have to step inside a flight of x"),
        (Fly(0.1 @ (Linspace("x", 0, 1, 2) * Linspace("y", 0, 1, 2))), {"x"}, "y would have to step inside"),
    ],
)
def test_refuses_with_a_reason(spec: Spec[str], flown: set[str] | None, reason: str) -> None:
    with pytest.raises(ScanRefusedError, match=reason):
        Scan(spec, flown)


def test_refuses_an_empty_region() -> None:
    with pytest.raises(ScanRefusedError, match="no frames"):
        Scan(Fly(0.1 @ Polygon("x", "y", [(0.1, 0.1), (0.2, 0.1), (0.2, 0.2)], 10)))


def test_refuses_curves_at_constant_velocity() -> None:
    scan = Scan(Fly(0.1 @ Spiral("x", 0, 10, 2.5, "y", 0)))
    with pytest.raises(ScanRefusedError, match="follows a curve in frame 0: motors at constant velocity cannot"):
        constant_velocity(scan.points())


def test_flies_a_million_frames_in_bulk() -> None:
    scan = Scan(Fly(1e-3 @ (Linspace("y", 0, 1, 1000) * ~Linspace("x", 0, 1, 1000))), flown={"x", "y"})
    points = scan.points(500_500)
    assert len(points) == 499_500
    assert len(points.rows()) == 500
