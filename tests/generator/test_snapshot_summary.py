"""What a new snapshot means for plans, said in the summary of a change."""

from __future__ import annotations

from pathlib import Path

from beamwright_generator.summary import summarise

HEATER = Path(__file__).resolve().parent.parent / "golden/snapshot_fastcs/expected/devices/heater.py"


def changed(old: str, new: str) -> str:
    before = HEATER.read_text(encoding="utf-8")
    assert before.count(old) == 1
    return summarise("demo", {"devices/heater.py": before.replace(old, new)}, {"devices/heater.py": before})


def test_members_of_a_vector_with_other_pvs_break_plans() -> None:
    text = changed('{1: "Ramp:1:", 2: "Ramp:2:"}', '{1: "Ramp:1:", 2: "Ramp:3:"}')
    assert "- `Heater.ramp`: PV `Ramp:1:, Ramp:2:` -> `Ramp:1:, Ramp:3:`" in text


def test_a_vector_that_is_called_otherwise_is_found_by_its_pvs() -> None:
    text = changed("    trim: A[Dev", "    trims: A[Dev")
    assert "- `Heater.trim` -> `trims` (same PV)" in text


def test_a_column_with_another_type_breaks_plans() -> None:
    text = changed("    steps: Array1D[np.uint16]", "    steps: Array1D[np.uint32]")
    assert "- `RampBlockPlan.steps`: `Array1D[np.uint16]` -> `Array1D[np.uint32]`" in text
