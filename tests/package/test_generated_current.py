"""The committed example is what its descriptions say, and `--check` tells every way in which a copy is not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beamwright_generator.cli.gen import main

BEAMLINE = "examples/x01/beamline.yaml"


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["beamline", *arguments, "--check"], catch_exceptions=False)


def states(result: Result) -> dict[str, str]:
    """Give the state of each file that stands before the diffs, by its path below the generated package."""
    found = re.findall(r"^(missing|changed|edited|extra) +(\S+)", result.stdout, flags=re.MULTILINE)
    return {path.rpartition("beamwright_generated/")[2]: state for state, path in found}


@pytest.fixture
def copy(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of its own with the example and what was generated from it; the working directory."""
    for folder in ("examples/x01", "generated"):
        shutil.copytree(repository / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_committed_example_is_current(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    result = check(BEAMLINE)
    assert result.stdout == ""
    assert result.exit_code == 0


def test_a_copy_is_current_too(copy: Path) -> None:
    result = check(BEAMLINE)
    assert (result.exit_code, result.stdout) == (0, "")


def test_check_tells_all_four_states_and_writes_nothing(copy: Path) -> None:
    devices = copy / "generated" / "beamwright_generated" / "devices"
    (devices / "gauge.py").unlink()
    shutter = copy / "examples" / "x01" / "ioc" / "vacuum" / "shutter.template"
    shutter.write_text(shutter.read_text().replace('"Closing"', '"Going shut"'))
    stats = devices / "nd_stats.py"
    stats.write_text(stats.read_text().replace("Smallest pixel", "The smallest pixel"))
    (devices / "old_camera.py").write_text('"""A device that no description makes."""\n')
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    result = check(BEAMLINE)
    assert result.exit_code == 1
    assert states(result) == {
        "devices/gauge.py": "missing",
        "devices/nd_stats.py": "edited",
        "devices/old_camera.py": "extra",
        "devices/shutter.py": "changed",
    }
    lines = result.stdout.splitlines()
    assert '-    CLOSING = "Closing"' in lines
    assert '+    GOING_SHUT = "Going shut"' in lines
    assert '+    """Smallest pixel"""' in lines
    assert lines[-1] == f"4 files are not what the descriptions say. Run: gen beamline {BEAMLINE}"
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_generating_anew_repairs_all_but_files_of_others(copy: Path) -> None:
    package = copy / "generated" / "beamwright_generated"
    wanted = {path: path.read_bytes() for path in package.rglob("*.py")}
    (package / "devices" / "gauge.py").unlink()
    (package / "beamlines" / "x01.py").write_text("")
    foreign = package / "devices" / "old_camera.py"
    foreign.write_text("")
    result = CliRunner().invoke(main, ["beamline", BEAMLINE], catch_exceptions=False)
    assert result.exit_code == 1
    assert "old_camera.py: no description makes this file; remove it" in result.stderr
    foreign.unlink()
    assert {path: path.read_bytes() for path in package.rglob("*.py")} == wanted
    assert check(BEAMLINE).exit_code == 0


def test_a_device_that_is_described_no_more_is_removed(copy: Path) -> None:
    startup = copy / "examples" / "x01" / "ioc" / "vacuum" / "st.cmd"
    startup.write_text(startup.read_text().replace('dbLoadRecords("machine.db")\n', ""))
    beamline = copy / BEAMLINE
    kept = [line for line in beamline.read_text().splitlines(keepends=True) if "SR01-DI-RING-01" not in line]
    beamline.write_text("".join(kept))
    assert states(check(BEAMLINE)) == {
        "README.md": "changed",
        "beamlines/x01.py": "changed",
        "devices/machine.py": "extra",
    }
    result = CliRunner().invoke(main, ["beamline", BEAMLINE], catch_exceptions=False)
    assert result.exit_code == 0
    assert not (copy / "generated" / "beamwright_generated" / "devices" / "machine.py").exists()
    assert check(BEAMLINE).exit_code == 0
