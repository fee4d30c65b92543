"""A beamline file is opened in one way by every command, with the same observations."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from beamwright_generator.cli.gen import main
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject

CLEAN = 0
BEAMLINE = """\
name: b01
roots: {recorded: RECORDED}
observations: RECORDED/observations.yaml
iocs:
  - name: B01-VA-IOC-01
    databases:
      - {file: gauge.template, macros: {P: "B01-VA-GAUGE-01:"}}
"""
OBSERVATIONS = """\
observations: 1
beamline: b01
iocs:
  B01-VA-IOC-01:
    devices:
      "B01-VA-GAUGE-01:":
        records:
          STATE: ["Off", "On"]
"""
CLASSES = """\
from typing import Annotated as A
from ophyd_async.core import SignalR, StandardReadable
from ophyd_async.epics.core import EpicsDevice, PvSuffix

class Gauge(StandardReadable, EpicsDevice):
    pressure: A[SignalR[float], PvSuffix("PRESSURE")]
"""
MISSING = "beamline.yaml:3:1: warning[observations-missing]: RECORDED/observations.yaml does not exist yet"
COMMANDS = {
    "beamline": ("beamline",),
    "show": ("show",),
    "audit": ("audit", "devices.py", "--against", "beamline.yaml"),
}


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A beamline whose observations are in a root that is elsewhere on this machine; give that folder."""
    (tmp_path / "site").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    monkeypatch.setenv("BEAMWRIGHT_ROOT_RECORDED", str(tmp_path / "elsewhere"))
    Path("pyproject.toml").touch()
    Path("beamline.yaml").write_text(BEAMLINE)
    Path("gauge.template").write_text(
        'record(ai, "$(P)PRESSURE") {}\nrecord(mbbi, "$(P)STATE") { field(DTYP, "asynInt32") field(ZRST, "Off") }\n'
    )
    Path("devices.py").write_text(CLASSES)
    return tmp_path / "elsewhere"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("recorded")
def test_every_command_warns_of_observations_that_are_missing(command: str) -> None:
    done = CliRunner().invoke(main, COMMANDS[command])
    assert done.exit_code == CLEAN, done.stderr
    assert MISSING in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_warns_of_observations_that_are_there(command: str, recorded: Path) -> None:
    (recorded / "observations.yaml").write_text(OBSERVATIONS)
    done = CliRunner().invoke(main, COMMANDS[command])
    assert done.exit_code == CLEAN, done.stderr
    assert "observations-missing" not in done.stderr


def test_what_is_recorded_is_compared_with_the_file_in_its_root(recorded: Path) -> None:
    from beamwright_generator.observe.beamline_pvs import read_beamline_pvs

    (recorded / "observations.yaml").write_text(OBSERVATIONS)
    problems = Problems()
    found = read_beamline_pvs(Path("beamline.yaml"), problems)
    assert found is not None
    assert found.path == recorded / "observations.yaml"
    assert found.before is not None
    assert [str(fact) for fact in found.before.iocs["B01-VA-IOC-01"].devices["B01-VA-GAUGE-01:"].records.values()] == [
        "Off, On"
    ]
    assert not list(problems)


def test_a_first_recording_needs_no_observations(recorded: Path) -> None:
    from beamwright_generator.observe.beamline_pvs import read_beamline_pvs

    problems = Problems()
    found = read_beamline_pvs(Path("beamline.yaml"), problems)
    assert found is not None
    assert (found.path, found.before) == (recorded / "observations.yaml", None)
    assert not list(problems)


@pytest.mark.usefixtures("recorded")
def test_a_project_reports_missing_observations_once() -> None:
    problems = Problems()
    project = BeamlineProject.open(Path("beamline.yaml"), problems)
    assert project is not None
    assert project.observations is None
    assert project.observations is None
    assert [problem.code for problem in problems] == ["observations-missing"]
    assert project.root_names == ["recorded"]


def test_a_file_that_is_not_valid_opens_no_project(tmp_path: Path) -> None:
    file = tmp_path / "beamline.yaml"
    file.write_text("name: b01\n")
    problems = Problems()
    assert BeamlineProject.open(file, problems) is None
    assert [problem.code for problem in problems] == ["beamline-invalid"]
