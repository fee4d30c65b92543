"""Runs the files of `live` in processes of their own: CA reads where to search once per process.

There the fixture `twin` of the plugin is at work, as in a beamline's own tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

LIVE = Path(__file__).with_name("live")
TOGETHER = {"camera_control": "cameras"}
"""Files that share the process, and the twin, of another."""


@pytest.mark.parametrize("name", sorted({file.stem for file in LIVE.glob("*.py")} - TOGETHER.keys()))
def test_against_a_running_twin(name: str, repository: Path) -> None:
    files = [LIVE / f"{one}.py" for one in (name, *(one for one, other in TOGETHER.items() if other == name))]
    # hypothesis, which is not used there, is imported late, and Python 3.11 may then fail to compile it.
    plugins = ("no:beamwright", "beamwright_twin.pytest_plugin", "no:cacheprovider", "no:hypothesispytest")
    options = [word for plugin in plugins for word in ("-p", plugin)]
    # Channels live in the loop that made them, so that all tests of a file share one.
    loops = ("-o", "asyncio_default_fixture_loop_scope=session", "-o", "asyncio_default_test_loop_scope=session")
    settings = ("-o", "twin_beamline=examples/x01/beamline.yaml", "--timeout=120", *loops)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *settings, *map(str, files)],
        cwd=repository,
        env={name: value for name, value in os.environ.items() if not name.startswith("EPICS_")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
