"""Trajectories of a PMAC over PVA: curves fly, and go on in the middle of a row where they were stopped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ophyd_async.epics.pmac._utils import _PmacMotorInfo
from scanspec.specs import Fly, Linspace, Spec, Spiral

from beamwright_runtime.fly import Scan
from beamwright_runtime.fly.motion.trajectory_motion import _bounds, _gaps
from tests.helpers.fly.pmac import Curve
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.long

PMAC_SCAN = ROOT / "tests" / "helpers" / "fly" / "pmac_scan.py"
FRAMES = {"ellipse": 33, "spiral": 51, "grid": 40, "one way": 40}


def fly(folder: Path, shape: str, *pauses: float, **options: Any) -> dict[str, Any]:
    path = os.pathsep.join([*(p for p in sys.path if p), str(ROOT)])
    given = {"source": "wired", "surplus": "append", "sliced": 0, "frames": [], "abort": False, "faults": [], **options}
    done = subprocess.run(
        [sys.executable, PMAC_SCAN, folder, json.dumps({"shape": shape, "pauses": pauses, **given})],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert not result["moving"]
    return result


@pytest.mark.soak
@pytest.mark.parametrize("pauses", [(), (1.3, 0.5), (0.15, 0.4, 0.3, 0.5, 0.2)])
@pytest.mark.parametrize("shape", FRAMES)
def test_each_frame_is_where_it_should_be(tmp_path: Path, shape: str, pauses: tuple[float, ...]) -> None:
    result = fly(tmp_path, shape, *pauses)
    assert result.get("rows") == list(range(FRAMES[shape])), result
    assert result["exit_status"] == "success"
    if not pauses:
        assert result["executions"] == 1, "the axes stopped more often than they must"


@pytest.mark.soak
@pytest.mark.parametrize("shape", ["ellipse", "spiral", "grid"])
def test_it_goes_on_in_the_middle_of_a_row(tmp_path: Path, shape: str) -> None:
    result = fly(tmp_path, shape, frames=[3, 14, 24])
    assert result.get("rows") == list(range(FRAMES[shape])), result
    starts = [one["start"] for one in result["segments"]]
    assert len(starts) == 4
    assert all(start >= frame for start, frame in zip(starts[1:], (3, 14, 24), strict=True))
    assert result["executions"] == 4


@pytest.mark.soak
@pytest.mark.parametrize("surplus", ["append", "new_file"])
def test_a_trajectory_is_filled_up_while_it_is_flown(tmp_path: Path, surplus: str) -> None:
    result = fly(tmp_path, "grid", 0.9, sliced=16, surplus=surplus)
    assert result.get("rows") == list(range(40)), result


@pytest.mark.soak
def test_detectors_that_time_their_own_frames_start_with_each_row(tmp_path: Path) -> None:
    result = fly(tmp_path, "grid", 1.4, source="software")
    assert result["exit_status"] == "success"
    assert result["executions"] >= 4


@pytest.mark.soak
@pytest.mark.parametrize("offset", [0.2, 1.3])
def test_an_abort_stops_the_trajectory(tmp_path: Path, offset: float) -> None:
    assert fly(tmp_path, "ellipse", offset, abort=True)["exit_status"] == "abort"


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ("too far", "x would move from 94.6298 to 100.07 with run-up and turnarounds, its limits are -100 and 100"),
        ("too fast", "the PMAC cannot fly this: .*velocity limit is 50"),
        ("too long", "a frame lasts 9 s: .* so a frame may last 8 s"),
    ],
)
def test_what_it_cannot_fly_is_refused_before_anything_moves(tmp_path: Path, shape: str, why: str) -> None:
    result = fly(tmp_path, shape)
    assert not result["moved"]
    assert re.match(why, result["error"]), result["error"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("Build", "pmac did not accept the trajectory"),
        pytest.param("Append", "pmac did not fly the trajectory", marks=pytest.mark.soak),
    ],
)
def test_a_controller_that_refuses_points_ends_the_scan(tmp_path: Path, fault: str, why: str) -> None:
    assert why in fly(tmp_path, "grid", sliced=8, faults=[fault])["error"]


def gaps(spec: Spec[Any], acceleration: float) -> list[int]:
    points = Scan(spec, {"x", "y"} & set(spec.axes())).points()
    info = _PmacMotorInfo("CS1", 1, {}, dict.fromkeys(points.midpoints, acceleration), {}, {}, {})
    return [int(frame) for frame in np.flatnonzero(_gaps(points, info))]


def test_axes_stop_only_where_they_must() -> None:
    curve: Spec[str] = Fly(0.1 @ Spiral("x", 0, 8, 0.5, "y", 0, 8))
    assert gaps(curve, 1000.0) == [0]
    assert len(gaps(curve, 50.0)) > 1
    there_and_back: Spec[str] = Fly(0.1 @ Linspace("x", 0, 1, 5).concat(Linspace("x", 1, 0, 5)))
    assert gaps(there_and_back, 1.0) == [0, 5]
    rows: Spec[str] = Fly(0.1 @ (Linspace("y", 0, 1, 3) * ~Linspace("x", 0, 1, 4)))
    assert gaps(rows, 1000.0) == [0, 4, 8]


def test_a_curve_lies_within_its_bounds() -> None:
    path = Curve([0.0, 1.0, 1.5], [0.0, 1.0, 1.0], [0.0, 2.0, -2.0])
    low, high = _bounds(np.array(path.positions), np.array(path.velocities), np.diff(path.times))
    places = [path.at(moment)[0] for moment in np.linspace(0.0, 1.5, 200)]
    assert low <= min(places)
    assert max(places) <= high <= max(places) + 0.2
