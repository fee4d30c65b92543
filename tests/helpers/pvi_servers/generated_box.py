"""A site of one box, whose classes are generated from what its live server has."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner

from beamwright_generator.cli.gen import main
from tests.helpers.softioc import SoftIoc

BEAMLINE = "name: b01\niocs:\n  - name: B01-EA-IOC-01\n    snapshots: [box.yaml]\n"


def qsrv_box(database: str, prefix: str) -> SoftIoc:
    """Give an IOC, not started, that serves a database of this folder as a PVI tree.

    :param prefix: of its records.
    """
    return SoftIoc(Path(__file__).with_name(database).read_text().replace("$(P)", prefix))


def generate_box(folder: Path, environment: Mapping[str, str], prefix: str) -> None:
    """Record the tree at a prefix, as `box.yaml`, and generate the package of a beamline that has it.

    :param environment: variables by which clients find the server.
    """
    (folder / "pyproject.toml").touch()
    (folder / "beamline.yaml").write_text(BEAMLINE)
    run_python(folder, environment, "-m", "beamwright_generator.cli", "snapshot", prefix, "-o", "box.yaml")
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, ["beamline", "beamline.yaml"])
    assert done.exit_code == 0, done.output


def run_python(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """Run Python in a folder, with what is generated there, and give what it prints; it must not fail."""
    path = os.pathsep.join([str(folder / "generated"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
