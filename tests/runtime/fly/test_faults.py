"""Runs the files of `live` in processes of their own, against a twin: CA reads where to search once per process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIVE = sorted(Path(__file__).with_name("live").glob("*.py"))


def run(repository: Path, marked: str, timeout: float, *files: Path) -> None:
    options = ("-p", "no:beamwright", "-p", "beamwright_generator.twin.pytest_plugin", "-p", "no:cacheprovider")
    settings = ("-o", "twin_beamline=examples/x01/beamline.yaml", "-m", marked, "--timeout=120", "--tb=native")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *settings, *map(str, files)],
        cwd=repository,
        env={name: value for name, value in os.environ.items() if not name.startswith("EPICS_")},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]


def test_flights_of_the_stage_are_disturbed(repository: Path) -> None:
    run(repository, "not soak", 280, *LIVE)


@pytest.mark.soak
@pytest.mark.parametrize("file", LIVE, ids=lambda file: file.stem)
def test_flights_of_the_stage_are_disturbed_in_every_way(file: Path, repository: Path) -> None:
    run(repository, "soak", 1500, file)
