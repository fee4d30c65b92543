"""`make demo` shows the whole way, from descriptions to the plot of a scan; what it is made of holds on its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from beamwright_generated.beamlines import x01
from beamwright_runtime import Beamline, Motor
from beamwright_twin.sim.frame import frame_number
from scripts.demo.connections import connect, connection_table
from scripts.demo.plot import FRAMES
from scripts.demo.terminal import table
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.long

DEMO = [sys.executable, "-m", "scripts.demo"]
RESULTS = ROOT / "build" / "demo"
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
PNG = b"\x89PNG\r\n\x1a\n"


def demo() -> subprocess.Popen[str]:
    """Start the demo as a terminal does: in a process group of its own, which an interrupt reaches as a whole."""
    return subprocess.Popen(
        DEMO, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.fixture(scope="module")
def shown() -> str:
    """What the demo prints."""
    with demo() as running:
        printed, complaints = running.communicate(timeout=280)
    assert running.returncode == 0, printed + complaints
    assert complaints == ""
    return printed


def processes(printed: str) -> list[int]:
    """Give the processes of the IOCs that the demo has shown."""
    return [int(pid) for pid in re.findall(r"^BL01X-\S+ +(?:CA, )?PVA +\d+ +(\d+)$", printed, re.MULTILINE)]


def test_every_step_is_shown_in_plain_text(shown: str) -> None:
    steps = re.findall(r"^(\d+)\. ", shown, re.MULTILINE)
    assert steps == [str(number) for number in range(1, 12)]
    assert "\x1b" not in shown


def test_every_device_is_connected_and_listed(shown: str) -> None:
    assert f"\nx01: {len(x01.devices)} of {len(x01.devices)} devices connected\n" in shown
    rows = re.findall(r"^(\w+) +(\w+) +(BL01X-\S+) +(\d+)  connected +\d+\.\d+$", shown, re.MULTILINE)
    assert [row[0] for row in rows] == list(x01.devices.factories)
    assert ("camera", "Camera", "BL01X-EA-IOC-01", "440") in rows


def test_the_scan_and_the_flights_have_succeeded(shown: str) -> None:
    assert re.search(r"^step_scan of 15 points, written: success, 15 events in", shown, re.MULTILINE)
    assert re.search(r"^fly_exposures of the PandA: success, 5 events in", shown, re.MULTILINE)
    assert re.search(r"^fly_angles of 3 rows: success, 30 events in", shown, re.MULTILINE)
    assert "\n  3 flights, 2 files: one of each detector\n" in shown
    with h5py.File(RESULTS / "step_scan_camera.h5") as file:
        numbers = [frame_number(frame) for frame in file[FRAMES]]
    assert numbers == list(range(numbers[0], numbers[0] + 15))
    assert (RESULTS / "step_scan.png").read_bytes().startswith(PNG)


def test_the_flight_that_was_paused_is_whole(shown: str) -> None:
    before, _, after = shown.partition("\n$ RE.resume()\n")
    paused, later = re.findall(r"^  (?:paused|1 s later) +(\S+ +\S+ +\d+)$", before, re.MULTILINE)
    assert paused == later
    written = int(paused.split()[-1])
    assert 38 <= written < 100
    # Where no bar can be drawn, frames are told at each quarter of a flight.
    *_, first, second = [list(map(int, line.split())) for line in re.findall(r"^  frames: (.+)$", shown, re.MULTILINE)]
    assert first[0] == 25
    assert first[-1] <= written <= second[0]
    assert second[-1] == 100
    assert re.search(r"^fly_map paused and resumed: success, 100 events in", after, re.MULTILINE)
    assert re.search(r"^ +100 +100 +0 +0 +0 +0 +0\.\d\d um$", after, re.MULTILINE)
    with h5py.File(RESULTS / "fly_map_panda.h5") as panda, h5py.File(RESULTS / "fly_map_camera.h5") as camera:
        assert len(panda["x"]) == len(panda["y"]) == len(camera[FRAMES]) == 100
    assert (RESULTS / "fly_map.png").read_bytes().startswith(PNG)


def test_what_was_paused_is_in_the_order_of_the_grid(shown: str) -> None:
    assert "\n  build/demo/fly_map.nxs: the camera's (4, 25, 56, 72) over stage_y and stage_x, linked" in shown
    with h5py.File(RESULTS / "fly_map.nxs") as file:
        data = file["entry/data"]
        numbers = np.array([[frame_number(frame) for frame in row] for row in data["camera"]])
        assert data["stage_x_value"].shape == (4, 25)
    taken = np.arange(100).reshape(4, 25)
    taken[1::2] = taken[1::2, ::-1]
    assert (numbers - numbers.min() == taken).all()


def without_numbers(text: str) -> str:
    """Leave out what differs each time: positions, seconds, and how many frames were taken at a moment."""
    spaced = re.sub(r"-?\d+(\.\d+)?", "NUMBER", text)
    return re.sub(r"( NUMBER)+", " NUMBER", re.sub(r" +", " ", spaced))


def test_the_tour_shows_what_is_shown(shown: str) -> None:
    (block,) = re.findall(r"^<!-- demo: [^\n]+ -->\n```\n(.*?)^```$", TOUR, re.MULTILINE | re.DOTALL)
    assert without_numbers(block) in without_numbers(shown)


def test_no_ioc_is_left(shown: str) -> None:
    pids = processes(shown)
    assert len(pids) == 4
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_an_interrupt_in_the_middle_ends_it_without_a_word_too_many(ending: signal.Signals) -> None:
    printed = ""
    with demo() as running:
        assert running.stdout is not None
        assert running.stderr is not None
        for line in running.stdout:
            printed += line
            if line.startswith("$ RE(step_scan"):
                break
        os.killpg(running.pid, ending)
        running.stdout.read()
        assert running.stderr.read() == "\ndemo: interrupted\n"
    assert running.returncode == 130
    pids = processes(printed)
    assert len(pids) == 4
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_device_that_does_not_answer_is_listed_with_its_reason() -> None:
    beamline = Beamline("b01")

    @beamline.factory(timeout=0.1)
    def axis() -> Motor:
        """Somewhere (B01-IOC-01)."""
        return Motor("B01-NO-SUCH-MOTOR:X")

    (one,) = asyncio.run(connect(beamline))
    assert one.error is not None
    assert "B01-NO-SUCH-MOTOR:X" in str(one.error)
    titles, row = connection_table([one])
    assert titles.split() == ["device", "class", "IOC", "signals", "state", "seconds"]
    assert row.split()[:5] == ["axis", "Motor", "B01-IOC-01", str(one.signals), "unhappy"]


def test_numbers_of_a_table_end_in_one_column() -> None:
    assert table(["name", "n"], [["a", "1"], ["long name", "1000"]], right=["n"]) == [
        "name          n",
        "a             1",
        "long name  1000",
    ]
