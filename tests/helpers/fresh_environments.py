"""Environments in which beamwright and sites' packages are installed as users do, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from sysconfig import get_path

from packaging.requirements import Requirement

BIN = Path(sys.executable).parent
COMMANDS = ("mypy", "pip", "pytest")
"""What users type and no installer writes, because the packages are there already."""


def uv() -> str | None:
    """Find uv: of the tests' own environment, or of the machine."""
    return shutil.which("uv", path=f"{BIN}{os.pathsep}{os.environ['PATH']}")


class FreshEnvironment:
    """A virtual environment that has what is asked for and what that needs, as links to the tests' own packages.

    Installers find there what they would download, beamwright and packages of sites alone excepted.
    """

    def __init__(self, folder: Path, wheels: Path, *asked: str) -> None:
        """Make it.

        :param folder: one that is not there.
        :param wheels: a folder of what else can be installed.
        :param asked: requirements, as pip is given them; of `beamwright[...]` what it needs, and not itself.
        """
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.folder = folder
        self.variables = _variables(folder, wheels)
        packages = Path(get_path("platlib", vars={"base": str(folder), "platbase": str(folder)}))
        for one in sorted(_parts(needed("pip", "hatchling", "editables", *asked))):
            _link(Path(get_path("platlib")) / one, packages / one)
        (folder / "bin" / "ruff").symlink_to(BIN / "ruff")
        for name in COMMANDS:
            script = folder / "bin" / name
            script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m {name} "$@"\n')
            script.chmod(0o755)

    def run(self, command: str, folder: Path) -> tuple[str, int]:
        """Run a shell's command line; return what a terminal shows of it, and its exit code."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout, done.returncode


def needed(*asked: str) -> dict[str, Distribution]:
    """Return the installed distributions that requirements ask for, directly or not, by name."""
    found: dict[str, Distribution] = {}
    waiting, known = [Requirement(one) for one in asked], set(asked)
    while waiting:
        one = waiting.pop()
        found[one.name] = distribution(one.name)
        for text in found[one.name].requires or ():
            further = Requirement(text)
            extras = one.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting += [further] * (text not in known)
                known.add(text)
    return found


def _parts(found: dict[str, Distribution]) -> Iterator[str]:
    """Give what distributions have in the folder of packages."""
    names = {file.parts[0] for name, one in found.items() if name != "beamwright" for file in one.files or ()}
    return (name for name in names if name not in ("..", "__pycache__"))


def _link(what: Path, where: Path) -> None:
    """Link a package; what says that it is installed is copied, because uv sees no link there."""
    if what.suffix == ".dist-info":
        shutil.copytree(what, where)
    else:
        where.symlink_to(what)


def _variables(folder: Path, wheels: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "VIRTUAL_ENV": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheels),
        # pip reads these two as answers to: with isolation? compile?
        "PIP_NO_BUILD_ISOLATION": "no",
        "PIP_NO_COMPILE": "no",
        "PIP_NO_INDEX": "1",
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "UV_FIND_LINKS": str(wheels),
        "UV_NO_BUILD_ISOLATION": "1",
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
    }
