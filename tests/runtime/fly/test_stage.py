"""Motor records and a PandA over PVA: paused anywhere, each row is where an undisturbed scan has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pvi_servers.served import Served

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
STEP = 0.2
"""From one frame to the next, in units."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Served]:
    """Two motors and the box that follows their encoders."""
    with Served("../runtime/fly/stage_server.py") as served:
        yield served


def fly(stage: Served, folder: Path, source: str, *pauses: float) -> dict[str, Any]:
    path = os.pathsep.join([*(p for p in sys.path if p), str(ROOT)])
    done = subprocess.run(
        [sys.executable, HERE / "stage_scan.py", folder, source, *map(str, pauses)],
        env=os.environ | stage.environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize("source", ["sequencer", "compare"])
@pytest.mark.parametrize("pauses", [(), (0.9,), (1.5, 0.4, 1.0), (0.3, 0.6, 0.7, 0.8, 0.9)])
def test_a_grid_of_motor_records_is_captured_where_it_should_be(
    stage: Served, tmp_path: Path, source: str, pauses: tuple[float, ...]
) -> None:
    result = fly(stage, tmp_path, source, *pauses)
    assert result["exit_status"] == "success"
    assert result["rows"] == list(range(24))
    assert result["told"] == 24
    assert result["written"] == {"x": 24, "y": 24}
    # The box is a Python process: triggers are some milliseconds late, at 2 units in a second.
    assert result["errors"]["x"] < STEP / 2
    assert result["errors"]["y"] < 0.005
