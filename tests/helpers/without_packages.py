"""A Python that lacks some of the installed packages, as after an installation without an extra."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path

from tests.helpers.paths import ROOT

SOURCES = [ROOT / name for name in ("generator", "templates", "runtime", "twin", "generated")]


@dataclass(frozen=True)
class PythonWithout:
    """Runs Python without its site-packages, beside a folder that has links to some of what stands there."""

    packages: Path

    def __call__(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        path = os.pathsep.join(map(str, [*SOURCES, self.packages]))
        return subprocess.run(
            [sys.executable, "-S", *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def python_without(folder: Path, names: Collection[str]) -> PythonWithout:
    """Make a Python that lacks packages.

    :param folder: an empty one, for links.
    :param names: of packages as they are imported.
    """
    for entry in Path(get_path("platlib")).iterdir():
        if entry.name.partition(".")[0] not in names:
            (folder / entry.name).symlink_to(entry)
    return PythonWithout(folder)


def python_alone(folder: Path) -> PythonWithout:
    """Make a Python without any package but ours.

    :param folder: an empty one.
    """
    return PythonWithout(folder)
