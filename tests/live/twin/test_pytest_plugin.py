"""The fixture `twin` runs once for a session, says where it is in the environment, and leaves none of it behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = ("-p", "no:beamwright", "-p", "beamwright_twin.pytest_plugin", "-p", "no:cacheprovider")

TESTS = """
import asyncio, os
from pathlib import Path
import pytest

PIDS = Path(__file__).with_name("pids")

def environment():
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}

@pytest.fixture(scope="session", autouse=True)
def around():
    before = environment()
    yield
    assert environment() == before

@pytest.fixture(scope="session", autouse=True)
def started(around, twin):
    PIDS.write_text(" ".join(str(ioc.pid) for ioc in twin.iocs.values()))
    return twin

def test_one(twin, started):
    assert twin is started
    assert os.environ["EPICS_CA_ADDR_LIST"] == twin.environment["EPICS_CA_ADDR_LIST"]

def test_other(twin, started):
    from aioca import caget
    twin.put("T:A", 3)
    assert asyncio.run(caget("T:A")) == 3
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EPICS_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, *options, "-c", "pytest.ini", "test_it.py"],
        cwd=folder,
        env=environment | {"EPICS_CA_ADDR_LIST": "192.0.2.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.db").write_text('record(longout, "T:A") {}\n')
    (tmp_path / "beamline.yaml").write_text("name: b01\niocs:\n  - name: T\n    databases: [{file: a.db}]\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\ntwin_beamline = beamline.yaml\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    return tmp_path


def test_it_runs_once_and_leaves_nothing(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert not any(Path(f"/proc/{pid}").exists() for pid in (folder / "pids").read_text().split())


def test_without_a_beamline_it_says_what_to_set(folder: Path) -> None:
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = run(folder)
    assert done.returncode != 0
    assert "set `twin_beamline` in the configuration of pytest" in done.stdout + done.stderr
