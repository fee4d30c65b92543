"""A change as large as a pull request: what the summary says, what `gen migrate` rewrites, and that mypy is content."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.unit.generator.changes.changed_site import HERE, expect, gen

pytestmark = pytest.mark.long

CLEAN = 0
X01 = "examples/x01"
CHANGES: Sequence[tuple[str, str, str]] = (
    ("ioc/vacuum/gauge.template", "", '\nrecord(longin, "$(P)HOURS") {\n    field(DESC, "Hours in service")\n}\n'),
    ("ioc/vacuum/shutter.template", '"Good"', '"Healthy"'),
    ("ioc/vacuum/temperature.template", 'record(longout, "$(P)P_GAIN")', 'record(ao, "$(P)P_GAIN")'),
    ("ioc/vacuum/temperature.template", 'record(longin, "$(P)P_GAIN_RBV")', 'record(ai, "$(P)P_GAIN_RBV")'),
    ("beamline.yaml", "{name: camera, ", "{name: microscope, "),
)
"""A record is added, a state renamed, a pair retyped, a device renamed: file, what stands there, and what shall."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository with the example, its plans and what is generated; its descriptions have changed."""
    for folder in ("examples", "generated"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, old, new in CHANGES:
        path = tmp_path / X01 / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
    return tmp_path


def mypy(folder: Path) -> str:
    """Check the plans as this repository does."""
    cache = ROOT / ".mypy_cache"
    command = [sys.executable, "-m", "mypy", "--no-error-summary", f"--cache-dir={cache}", "examples/plans"]
    environment = {**os.environ, "MYPYPATH": f"{folder / 'generated'}{os.pathsep}{ROOT / 'runtime'}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_a_pull_request_is_told_and_followed(copy: Path, update_golden: bool) -> None:
    shutil.copytree(copy / "generated", copy / "before")
    arguments = ["beamline", f"{X01}/beamline.yaml", "--summary", "-", "--plans", "examples/plans", "--quiet"]
    summary = gen(copy, *arguments)
    assert (summary.returncode, summary.stderr) == (CLEAN, "")
    expect(HERE / "pull_request/summary.md", summary.stdout, update_golden)
    refused = mypy(copy)
    assert 'Name "x01.Camera" is not defined' in refused
    assert 'has no attribute "GOOD"' in refused

    sides = ["--from", "before", "--to", "generated"]
    dry = gen(copy, "migrate", "examples/plans", *sides, "--dry-run")
    expect(HERE / "pull_request/migrated.diff", dry.stdout, update_golden)
    done = gen(copy, "migrate", "examples/plans", *sides)
    assert (done.returncode, done.stderr) == (CLEAN, "")
    assert mypy(copy) == ""
    assert gen(copy, "beamline", f"{X01}/beamline.yaml", "--check").returncode == CLEAN


def test_without_a_change_there_is_nothing_to_tell_or_to_do(copy: Path) -> None:
    told = gen(copy, "diff", "generated", "generated", "--exit-code")
    assert (told.returncode, told.stdout) == (CLEAN, "no change for plans\n")
    done = gen(copy, "migrate", "examples/plans", "--from", "generated", "--to", "generated")
    assert (done.returncode, done.stdout) == (CLEAN, "0 files rewritten\n")
