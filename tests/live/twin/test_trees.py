"""A twin serves a recorded PVI tree so that it is recorded again as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from beamwright_twin import Twin
from tests.helpers.paths import TESTS

RECORDED = TESTS / "live" / "generator" / "observe" / "snapshots"
PREFIXES = {"kinds": "KINDS:", "legacy": "LEGACY:", "panda": "PANDA:", "pandablocks": "PANDABLOCKS:"}

WRITE = """
import sys
from p4p.client.thread import Context
with Context("pva", nt=False) as context:
    for name, value in eval(sys.argv[1]):
        try:
            context.put(name, value)
        except Exception as error:
            print(error)
    for name in eval(sys.argv[2]):
        value = context.get(name).todict()["value"]
        print(name, value["index"] if "index" in str(value) else value)
"""


def twin_of(folder: Path, snapshot: Path) -> Twin:
    (folder / ".git").mkdir()
    (folder / snapshot.name).write_text(snapshot.read_text(encoding="utf-8"), encoding="utf-8")
    file = folder / "beamline.yaml"
    file.write_text(f"name: b01\niocs:\n  - name: BOX\n    snapshots: [{snapshot.name}]\n", encoding="utf-8")
    return Twin(file)


def recorded(twin: Twin, prefix: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("gen"), "snapshot", prefix, "--timeout", "2"],
        env=os.environ | twin.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout


def client(twin: Twin, puts: list[tuple[str, Any]], reads: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WRITE, repr(puts), repr(reads)],
        env=os.environ | twin.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", PREFIXES)
def test_a_tree_is_recorded_again_as_it_was(name: str, tmp_path: Path) -> None:
    snapshot = RECORDED / f"{name}.yaml"
    with twin_of(tmp_path, snapshot) as twin:
        assert recorded(twin, PREFIXES[name]) == snapshot.read_text(encoding="utf-8")


def test_the_examples_box_is_recorded_again_as_it_was(repository: Path) -> None:
    example = repository / "examples" / "x01"
    with Twin(example / "beamline.yaml", only="BL01X-EA-IOC-02") as twin:
        assert recorded(twin, "BL01X-EA-PANDA-01:") == (example / "snapshots" / "panda.yaml").read_text()


def test_what_did_not_answer_when_it_was_recorded_is_not_served(tmp_path: Path) -> None:
    with twin_of(tmp_path, RECORDED / "odd.yaml") as twin:
        assert "ODD:Class" in twin.records
        assert "ODD:Absent" not in twin.records
        text = recorded(twin, "ODD:")
    assert 'absent: {r: "ODD:Absent", type: unknown, missing: "ODD:Absent: no answer within 2 s"}' in text


def test_a_box_that_is_no_panda_echoes_what_is_written(tmp_path: Path) -> None:
    snapshot = tmp_path / "heater.yaml"
    snapshot.write_text("""snapshot: 1
prefix: "HEAT:"
pvi: "HEAT:PVI"
tree:
  ramp: {r: "HEAT:Ramp_RBV", w: "HEAT:Ramp", type: float64, units: K/s, precision: 2}
  mode: {rw: "HEAT:Mode", type: enum, choices: ["off", "on"]}
  fire: {x: "HEAT:Fire", type: bool}
  now: {r: "HEAT:Now", type: float64}
""")
    (folder := tmp_path / "beamline").mkdir()
    with twin_of(folder, snapshot) as twin:
        puts = [
            ("HEAT:Ramp", 1.5),
            ("HEAT:Mode", {"value.index": 1}),
            ("HEAT:Mode", {"value.index": 2}),
            ("HEAT:Fire", True),
        ]
        said = client(twin, [*puts, ("HEAT:Now", 3.0)], ["HEAT:Ramp_RBV", "HEAT:Ramp", "HEAT:Mode", "HEAT:Fire"])
        assert "there is no choice 2" in said[0]
        assert said[1] == "Put not supported"
        assert said[2:] == ["HEAT:Ramp_RBV 1.5", "HEAT:Ramp 1.5", "HEAT:Mode 1", "HEAT:Fire False"]
        twin.put("HEAT:Now", 21.5)
        assert twin.get("HEAT:Now") == 21.5
        assert client(twin, [], ["HEAT:Now"]) == ["HEAT:Now 21.5"]
        with twin.without("HEAT:Mode"):
            assert "HEAT:Mode" not in twin.records
            assert client(twin, [], ["HEAT:Ramp"]) == ["HEAT:Ramp 0.0"]
