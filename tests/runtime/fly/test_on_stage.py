"""Runs the files of `on_stage` in processes of their own: cameras and motors over CA, a PandA over PVA."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STAGE = Path(__file__).with_name("on_stage")
FILES = sorted(file for file in STAGE.glob("*.py") if file.stem != "conftest")


def run(file: Path, repository: Path, marked: str, timeout: float) -> None:
    options = ("-p", "no:beamwright", "-p", "beamwright_generator.twin.pytest_plugin", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, "-m", marked, "--timeout=240", str(file)],
        cwd=repository,
        env={name: value for name, value in os.environ.items() if not name.startswith("EPICS_")},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    nothing_marked = 5
    assert done.returncode in (0, nothing_marked), done.stdout[-10_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_on_the_simulated_stage(file: Path, repository: Path) -> None:
    run(file, repository, "not soak", 280)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_for_long_on_the_simulated_stage(file: Path, repository: Path) -> None:
    run(file, repository, "soak", 3500)
