"""Recorded PVI trees: read faithfully with their lines, and refused with a problem for whatever is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.yaml.snapshot_file import (
    RecordedBlock,
    RecordedSides,
    RecordedSignal,
    Snapshot,
    parse_snapshot,
)
from beamwright_generator.problems import Problems

TEXT = """\
snapshot: 1
prefix: "X:"
pvi: "X:PVI"
missing:
  "X:LOST:PVI": no answer within 5 s
tree:
  gate: {rw: "X:GATE", type: enum, choices: [ZERO, "1", on, 0x10], description: Input}
  Width: {r: "X:W_RBV", w: "X:W", type: float64, units: s, precision: 3}
  odd: {r: "X:ODD", type: unknown, missing: silent}
  mode:
    r: {pv: "X:M_RBV", type: enum, choices: [A, B]}
    w: {pv: "X:M", type: enum, choices: [A], description: What to do}
  seq:
    pvi: "X:SEQ:PVI"
    vector:
      2: {tree: {table: {rw: "X:T", type: table, columns: {a: {type: "str[]", choices: [A]}}}}}
      1: {x: "X:GO", type: bool}
"""


def read(text: str) -> tuple[Snapshot | None, Problems]:
    problems = Problems()
    return parse_snapshot(Source(Path("box.yaml"), "box.yaml", text), problems), problems


def test_everything_is_kept_with_its_line() -> None:
    snapshot, problems = read(TEXT)
    assert snapshot is not None
    assert not len(problems)
    assert snapshot.prefix == "X:"
    assert {pv: (why, at.line) for pv, (why, at) in snapshot.missing.items()} == {
        "X:LOST:PVI": ("no answer within 5 s", 5)
    }
    entries = snapshot.root.entries
    assert list(entries) == ["gate", "Width", "odd", "mode", "seq"]
    gate, width, odd, mode, seq = entries.values()
    assert isinstance(gate, RecordedSignal)
    assert gate.choices == ("ZERO", "1", "on", "0x10"), "text as it is written, not what YAML makes of it"
    assert (gate.at.line, gate.at.column) == (7, 9)
    assert isinstance(width, RecordedSignal)
    assert (width.access, width.precision) == ({"r": "X:W_RBV", "w": "X:W"}, 3)
    assert isinstance(odd, RecordedSignal)
    assert odd.missing == "silent"
    assert isinstance(mode, RecordedSides)
    assert {access: (side.access, side.choices) for access, side in mode.sides.items()} == {
        "r": ({"r": "X:M_RBV"}, ("A", "B")),
        "w": ({"w": "X:M"}, ("A",)),
    }
    assert (mode.sides["w"].at.line, mode.sides["w"].description) == (12, "What to do")
    assert isinstance(seq, RecordedBlock)
    assert list(seq.numbered) == [1, 2]
    assert seq.pvi == "X:SEQ:PVI"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [" + "[" * 100_000, 1, "it is nested too deeply"),
        ("a: &a [*a]", 1, "aliases are not read"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("a: \x00", 1, "not valid YAML"),
        ("a: !!python/object:os.system {}\nsnapshot: 1\nprefix: 'X:'", 1, "a is not a known key here"),
        ("snapshot: 1\nprefix: 'X:'\ntree:\n  a: {type: float64, r: 'X:A', extra: 1}\n", 4, "extra is not a known key"),
        ("snapshot: 1\nprefix: 'X:'\ntree:\n  a: {r: {pv: 'X:A', type: str}, w: 'X:B'}\n", 4, "`w`, where another"),
        ("snapshot: 1\nprefix: 'X:'\ntree:\n  a: {r: {pv: 'X:A'}}\n", 4, "`r` has no `type`"),
        ("snapshot: 1\nprefix: 'X:'\ntree:\n  a: {r: {type: str}}\n", 4, "`r` has no `pv`"),
    ],
)
def test_what_cannot_be_read_is_one_problem(text: str, line: int, message: str) -> None:
    snapshot, problems = read(text)
    assert snapshot is None
    (problem,) = problems
    assert problem.code == "snapshot-invalid"
    assert problem.at is not None
    assert problem.at.line == line
    assert message in problem.message


@given(at=st.integers(0, len(TEXT)), put=st.text("{}[]:,-&*!|>'\"# \n\tax1", max_size=4), drop=st.integers(0, 9))
def test_a_damaged_file_is_read_or_refused(at: int, put: str, drop: int) -> None:
    snapshot, problems = read(TEXT[:at] + put + TEXT[at + drop :])
    assert (snapshot is None) == bool(problems.errors)
