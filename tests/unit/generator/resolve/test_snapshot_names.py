"""Names of the enums and tables that recorded trees need."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from beamwright_generator.tables.ophyd_async_classes import shipped_names

BEAMLINE = "name: demo\niocs:\n  - {name: DEMO-IOC-01, snapshots: [panda.yaml]}\n"
TREE = """\
snapshot: 1
prefix: "P:"
pvi: "P:PVI"
tree:
  clock:
    pvi: "P:C:PVI"
    tree:
      time_units: {rw: "P:C:U", type: enum, choices: [s, ms, us, ns]}
      high_units: {rw: "P:C:H", type: enum, choices: [s, ms, us, ns]}
  filter:
    pvi: "P:F:PVI"
    tree:
      time_units: {rw: "P:F:U", type: enum, choices: [s, ms, us, ns]}
"""


def test_no_enum_has_the_name_of_a_shipped_one(gen: Callable[..., Result], folder: Path) -> None:
    (folder / "beamline.yaml").write_text(BEAMLINE, encoding="utf-8")
    (folder / "panda.yaml").write_text(TREE, encoding="utf-8")
    result = gen("beamline", "beamline.yaml", "--out", "out")
    assert result.exit_code == 0, result.output
    (module,) = (folder / "out").rglob("devices/panda.py")
    made = [n.name for n in ast.parse(module.read_text(encoding="utf-8")).body if isinstance(n, ast.ClassDef)]
    assert "PandaTimeUnitsStates" in made
    assert not shipped_names() & set(made)
