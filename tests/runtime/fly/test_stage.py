"""Motors and the PandA of the simulated x01: paused anywhere, each row is where an undisturbed scan has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamwright_generator.twin import Twin

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ALLOWED = 0.0005
"""Millimetres that a frame may be off, of 0.2 from one to the next: a few counts of the encoders."""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    """The sample stage, and the box that its encoders are wired to."""
    with Twin(ROOT / "examples" / "x01" / "beamline.yaml") as running:
        yield running


def fly(twin: Twin, folder: Path, source: str, *pauses: float) -> dict[str, Any]:
    path = os.pathsep.join([*(p for p in sys.path if p), str(ROOT)])
    done = subprocess.run(
        [sys.executable, HERE / "stage_scan.py", folder, source, *map(str, pauses)],
        env=os.environ | twin.environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.soak
@pytest.mark.parametrize("source", ["sequencer", "compare"])
@pytest.mark.parametrize("pauses", [(), (0.9,), (1.5, 0.4, 1.0), (0.3, 0.6, 0.7, 0.8, 0.9)])
def test_a_grid_of_motor_records_is_captured_where_it_should_be(
    twin: Twin, tmp_path: Path, source: str, pauses: tuple[float, ...]
) -> None:
    result = fly(twin, tmp_path, source, *pauses)
    assert result["exit_status"] == "success"
    assert result["rows"] == list(range(24))
    assert result["told"] == 24
    assert result["written"] == {"x": 24, "y": 24}
    assert result["errors"]["x"] <= ALLOWED
    assert result["errors"]["y"] <= ALLOWED
