"""The box of the example beamline: what a reader runs, what is recorded of it, and what type checkers refuse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.softioc import free_ports

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "examples" / "x01" / "panda" / "server.py"
GUIDE = ROOT / "docs" / "panda.md"
SNAPSHOT = ROOT / "examples" / "x01" / "snapshots" / "panda.yaml"

PARENT = """
import os, subprocess, sys
server = subprocess.Popen([sys.executable, sys.argv[1]], stdout=subprocess.PIPE)
print(server.stdout.readline().decode().strip(), flush=True)
sys.stdin.read()
os._exit(1)
"""
"""Starts the server, and ends without a word to it."""


@pytest.fixture
def environment() -> dict[str, str]:
    """The variables that make the server and its clients meet."""
    tcp, udp = map(str, free_ports(2))
    return os.environ | {
        "EPICS_PVA_ADDR_LIST": "127.0.0.1",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": udp,
        "EPICS_PVA_SERVER_PORT": tcp,
        "EPICS_PVAS_BROADCAST_PORT": udp,
        "EPICS_PVAS_SERVER_PORT": tcp,
    }


def test_the_committed_snapshot_is_what_the_server_serves(environment: dict[str, str], tmp_path: Path) -> None:
    recorded = tmp_path / "panda.yaml"
    with subprocess.Popen([sys.executable, SERVER], env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            assert server.stdout.readline() == "serving BL01X-EA-PANDA-01:\n"
            subprocess.run(
                [Path(sys.executable).with_name("gen"), "snapshot", "BL01X-EA-PANDA-01:", "-o", recorded],
                env=environment,
                check=True,
                capture_output=True,
                timeout=60,
            )
        finally:
            server.terminate()
    assert server.returncode == 0
    assert recorded.read_text() == SNAPSHOT.read_text()


def test_the_server_ends_when_its_parent_does(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, SERVER],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert parent.stdin is not None
        assert parent.stdout.readline() == "serving BL01X-EA-PANDA-01:\n"
        parent.stdin.close()
        assert parent.wait(30) == 1
        assert parent.stderr.read() == ""  # the server has it too: its end is the server's


def test_mypy_refuses_a_column_of_another_type_and_accepts_the_guide(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "plans" / "fly_exposures.py").read_text()
    wrong = tmp_path / "wrong_columns.py"
    for right, mistake in (
        ("np.ones(rows, np.uint16)", "np.ones(rows, np.float64)"),
        ("[SeqTrigger.IMMEDIATE]", '["Immediate"]'),
        ("exposures], np.uint32)", "exposures], np.int64)"),
    ):
        assert text.count(right) == 1
        text = text.replace(right, mistake)
    wrong.write_text(text)
    guide = tmp_path / "guide.py"
    guide.write_text("\n".join(re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)))
    assert "def wire" in guide.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--output=json", str(wrong), str(guide)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    faults = [json.loads(line) for line in done.stdout.splitlines()]
    refused = [(fault["message"].partition(" has ")[0], fault["code"]) for fault in faults]
    assert refused == [
        ('Argument "repeats" to "SeqTable"', "arg-type"),
        ("List item 0", "list-item"),
        ('Argument "time1" to "SeqTable"', "arg-type"),
    ]
