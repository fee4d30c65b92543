"""Wires of the beamline file: what they make of it, and what is said about those that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamwright_generator.problems import Problems
from beamwright_twin import Twin, TwinError
from beamwright_twin.description.beamline_description import describe
from beamwright_twin.description.wiring import Wire, wires_of

EXPECTED = Path(__file__).with_name("wires.problems.txt")
BEAMLINE = """name: b01
iocs:
  - name: BOX
    snapshots: [panda.yaml]
  - name: MOTION
    databases: [{file: m.db}]
twin:
  wires:
"""
MOTORS = """
record(motor, "M:X") { field(MRES, "0.002") field(EGU, "mm") field(DIR, "Neg") field(OFF, "5") }
record(motor, "M:Theta") { field(MRES, "0.002") field(ERES, "0.0005") field(EGU, "deg") }
record(ai, "M:TEMPERATURE") { }
"""
P = "BL01X-EA-PANDA-01:"


def beamline(repository: Path, folder: Path, *wires: str) -> Path:
    (folder / ".git").mkdir()
    (folder / "m.db").write_text(MOTORS)
    (folder / "panda.yaml").write_text((repository / "examples" / "x01" / "snapshots" / "panda.yaml").read_text())
    file = folder / "beamline.yaml"
    file.write_text(BEAMLINE + "".join(f"    {wire}\n" for wire in wires))
    return file


def read(file: Path) -> tuple[list[Wire], Problems]:
    problems = Problems()
    described = describe(file, problems)
    assert described is not None
    return wires_of(described, problems), problems


def test_an_encoder_has_the_scale_of_its_motor(repository: Path, tmp_path: Path) -> None:
    file = beamline(
        repository,
        tmp_path,
        f'"{P}INENC1.VAL": {{motor: "M:X"}}',
        f'"{P}INENC2.VAL": {{motor: "M:Theta", dataset: angle}}',
        f'"{P}SEQ1.OUTA": {{cameras: ["M:"]}}',
    )
    wires, problems = read(file)
    assert not list(problems.in_order())
    assert wires == [
        Wire(P, "INENC1.VAL", "M:X", 0.002, -0.002, 5.0, "mm", "x"),
        Wire(P, "INENC2.VAL", "M:Theta", 0.0005, 0.0005, 0.0, "deg", "angle"),
        Wire(P, "SEQ1.OUTA", cameras=("M:",)),
    ]


def test_wires_that_lead_nowhere_are_told(repository: Path, tmp_path: Path, update_golden: bool) -> None:
    file = beamline(
        repository,
        tmp_path,
        '"OTHER:INENC1.VAL": {motor: "M:X"}',
        f'"{P}INENC9.VAL": {{motor: "M:X"}}',
        f'"{P}INENC1.VAL": {{motor: "M:TEMPERATURE"}}',
        f'"{P}SEQ1.OUTA": {{motor: "M:X"}}',
        f'"{P}SEQ1.OUTB": {{cameras: ["N:"]}}',
        f'"{P}SEQ1.OUTC": {{}}',
    )
    wires, problems = read(file)
    assert wires == []
    said = "".join(f"{problem}\n" for problem in problems.in_order())
    if update_golden:
        EXPECTED.write_text(said)
    assert said == EXPECTED.read_text()
    with pytest.raises(TwinError, match="no signal INENC9"):
        Twin(file).start()
