"""Runs the files of `on_stage` in processes of their own: cameras and motors over CA, a PandA over PVA."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.fly.own_process import run

pytestmark = pytest.mark.long

STAGE = Path(__file__).with_name("on_stage")
FILES = sorted(file for file in STAGE.glob("*.py") if file.stem != "conftest")
LONG = {"shapes", "surplus"}
"""Files that `make test` leaves out whole: what they fly is flown faster by simulated detectors, too."""


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=[pytest.mark.soak] if file.stem in LONG else []) for file in FILES],
    ids=[file.stem for file in FILES],
)
def test_on_the_simulated_stage(file: Path, repository: Path) -> None:
    run(repository, "not soak", 280, file)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_for_long_on_the_simulated_stage(file: Path, repository: Path) -> None:
    run(repository, "soak", 3500, file)
