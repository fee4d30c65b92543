"""Test files against a twin run in processes of their own: CA reads where to search once per process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NOTHING_MARKED = 5


def run(repository: Path, marked: str, timeout: float, *files: Path, settings: tuple[str, ...] = ()) -> None:
    """Run the tests in some files that a marker expression chooses.

    :param timeout: seconds for all of them.
    :param settings: further options of pytest.
    """
    # hypothesis, which is not used there, is imported late, and Python 3.11 may then fail to compile it.
    plugins = ("no:beamwright", "beamwright_twin.pytest_plugin", "no:cacheprovider", "no:hypothesispytest")
    options = [word for plugin in plugins for word in ("-p", plugin)]
    limits = ("-m", marked, "--timeout=240", "--tb=native")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *limits, *settings, *map(str, files)],
        cwd=repository,
        env={name: value for name, value in os.environ.items() if not name.startswith("EPICS_")},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode in (0, NOTHING_MARKED), done.stdout[-10_000:] + done.stderr[-2_000:]
