"""The check at the end of `make demo` finds what it looks for, and its progress is readable anywhere."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ophyd_async.core import soft_signal_r_and_setter
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.fly import Scan
from scripts.demo.frames import Frames, captured_in, frames_of, require
from scripts.demo.session import FrameLine, Progress
from scripts.demo.terminal import StepError
from scripts.demo.watch import Watch
from tests.helpers.paths import ROOT

SPEC: Spec[str] = Fly(0.1 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 0, 2, 3)))
PAUSED = [(0, 4, 0, 4, "pause"), (4, 6, 4, 2, "done")]
FIELDS = ("segment", "start", "stop", "row", "rows", "reason", "resource", "resource_row")


def documents(told: int = 6, segments: Any = PAUSED, hole: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Those of a scan of 2 x 3 frames that was paused after 4."""
    scan = Scan(SPEC, ["x", "y"])
    pages = [
        {
            "descriptor": "d",
            "seq_num": [number + 1],
            "data": {f"s-{key}": [value] for key, value in zip(FIELDS, (number, *one, 0, one[2]), strict=True)},
        }
        for number, one in enumerate(segments)
    ]
    datums = [(0, 4), (4 + hole, told)]
    return {
        "start": [{"fly_scan": {**scan.facts(), "segments": "s"}}],
        "descriptor": [{"uid": "p", "name": "primary"}, {"uid": "d", "name": "s"}],
        "event_page": pages,
        "stream_resource": [{"uid": "r"}],
        "stream_datum": [{"stream_resource": "r", "indices": {"start": start, "stop": stop}} for start, stop in datums],
    }


def captured(order: list[int]) -> dict[str, Any]:
    """What a file holds whose rows are these frames."""
    lower = Scan(SPEC, ["x", "y"]).points().lower
    return {axis: np.asarray(lower[axis])[order] + 0.001 for axis in ("x", "y")}


def found(order: list[int], pictures: list[int] | None = None, **told: Any) -> Frames:
    numbers = list(range(7, 7 + len(order))) if pictures is None else pictures
    return frames_of(documents(**told), captured(order), numbers)


def test_a_whole_scan_is_all_there() -> None:
    frames = found([0, 1, 2, 3, 4, 5])
    assert frames.all_there
    assert frames.error == pytest.approx(0.001)
    assert frames.rows.tolist() == [0, 1, 2, 3, 4, 5]
    require(frames)


AGAIN = [(0, 2, 0, 4, "beam"), (2, 6, 4, 4, "done")]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (lambda: found([0, 1, 2, 3, 4]), (1, 0, 0, 0)),
        (lambda: found([0, 1, 2, 3, 4, 5], told=5), (1, 0, 0, 0)),
        (lambda: found([0, 1, 2, 3, 5, 5]), (1, 1, 0, 0)),
        (lambda: found([0, 1, 3, 2, 4, 5]), (0, 0, 2, 0)),
        (lambda: found([0, 1, 2, 3, 2, 3, 4, 5], segments=AGAIN, told=8), (0, 2, 0, 0)),
        (lambda: found([0, 1, 2, 3, 4, 5], pictures=[7, 8, 9, 11, 12, 13]), (0, 0, 0, 1)),
        (lambda: found([0, 1, 2, 3, 4, 5], pictures=[7, 8, 9, 10, 11]), (0, 0, 0, 1)),
        (lambda: found([0, 1, 2, 3, 4, 5], segments=PAUSED[:1]), (2, 0, 0, 0)),
    ],
    ids=["missing", "untold", "replaced", "swapped", "repeated", "skipped", "no picture", "no segment"],
)
def test_what_is_wrong_is_counted_and_ends_the_demo(
    frames: Callable[[], Frames], expected: tuple[int, int, int, int]
) -> None:
    wrong = frames()
    assert (wrong.lost, wrong.repeated, wrong.misplaced, wrong.out_of_step) == expected
    with pytest.raises(StepError, match=f"^{expected[0]} frames are lost, {expected[1]} repeated"):
        require(wrong)


def test_rows_that_documents_leave_out_are_told() -> None:
    with pytest.raises(StepError, match="leave out rows"):
        found([0, 1, 2, 3, 4, 5], hole=1)


def test_positions_are_read_by_axis(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "panda.h5", "w") as file:
        file["x"] = [1.0, 2.0]
    read = captured_in(tmp_path / "panda.h5", {"stage_x": "x"})
    assert read["stage_x"].tolist() == [1.0, 2.0]


@pytest.mark.long
def test_a_step_that_fails_ends_with_exit_code_1(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import scripts.demo.client as client\n"
        "def failed(session): raise client.StepError('1 frames are lost')\n"
        "client.connect_all = failed\n"
        f"sys.exit(client.main(Path({str(tmp_path)!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (1, "demo: 1 frames are lost\n")


class Told:
    """A status that tells what it is told to."""

    def watch(self, watcher: Callable[..., None]) -> None:
        self.tell = watcher


def printed(act: Callable[[], object]) -> str:
    with redirect_stdout(io.StringIO()) as text:
        act()
    return text.getvalue()


def test_frames_are_told_at_each_quarter_in_one_line() -> None:
    status = Told()
    line = FrameLine([status, object()])

    def fly() -> None:
        for current in range(21):
            status.tell(name="scanner", current=current, initial=0, target=20, unit="frames", time_elapsed=1.0)
        line.clear()
        status.tell(current=20, initial=0, target=20, unit="frames")

    assert printed(fly) == "  frames: 5 10 15 20\n"


def test_moves_are_not_told_where_no_bar_can_be_drawn() -> None:
    status = Told()
    line = FrameLine([status])

    def move() -> None:
        status.tell(current=1.0, initial=0.0, target=2.0, unit="mm")
        line.clear()

    assert printed(move) == ""


def test_progress_goes_on_after_an_interruption() -> None:
    progress, interrupted, resumed = Progress(), Told(), Told()

    def fly() -> None:
        progress([interrupted])
        interrupted.tell(current=10, initial=0, target=20, unit="frames")
        # The RunEngine does not tell that it waits no longer.
        progress([resumed])
        interrupted.tell(current=20, initial=0, target=20, unit="frames")
        resumed.tell(current=10, initial=0, target=20, unit="frames")
        resumed.tell(current=20, initial=0, target=20, unit="frames")
        progress(None)
        progress(None)

    assert printed(fly) == "  frames: 10\n  frames: 10 20\n"


async def test_a_watch_keeps_values_and_tells_when_one_was_reached_from_below() -> None:
    rows, say = soft_signal_r_and_setter(int, 30)
    watch = Watch({"rows": rows})
    await watch.start()
    for value in (0, 10, 20, 30):
        say(value)
    await watch.end()
    say(40)
    assert watch.values["rows"] == [30, 0, 10, 20, 30]
    reached = watch.risen("rows", 15)
    assert reached == watch.times["rows"][3]
    assert watch.risen("rows", 15, since=reached + 1) is None
    assert watch.reached("rows", 30, since=0, timeout=0)
    assert not watch.reached("rows", 30, since=time.time(), timeout=0)
    assert not watch.reached("rows", 31, since=0, timeout=0)
