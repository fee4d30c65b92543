"""A small beamline before and after a change, generated, with plans that were written for the first."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner

from beamwright_generator.cli.gen import main
from tests.helpers.type_checkers import strict_mypy

HERE = Path(__file__).resolve().parent
SIDES = ("old", "new")


def write_site(folder: Path) -> Path:
    """Generate both sides in a folder, as `old/generated` and `new/generated`."""
    shutil.copytree(HERE / "site", folder, dirs_exist_ok=True)
    for side in SIDES:
        (folder / side / "pyproject.toml").touch()
        done = gen(folder / side, "beamline", "--quiet")
        assert done.returncode == 0, done.stderr
    return folder


def gen(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, in this process; it may end, but not with an exception."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def texts(folder: Path) -> dict[str, bytes]:
    """Give the content of every module below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}


def expect(file: Path, text: str, update: bool) -> None:
    """Compare a text with what a file holds."""
    if update:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def expect_all(folder: Path, found: Mapping[str, bytes], update: bool) -> None:
    """Compare modules with what a folder holds."""
    if update:
        shutil.rmtree(folder)
        for name, content in found.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    assert found == texts(folder)


def mypy(plans: Path, generated: Path, *names: str) -> str:
    """Check modules of plans against a generated package; empty when mypy is content."""
    return strict_mypy(plans, *names, path=(generated, plans))
