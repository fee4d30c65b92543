"""`gen adopt`: the generated class on the same PVs is proposed, and code is rewritten to use it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.generator.changes.changed_site import HERE, expect, expect_all, gen, mypy, texts

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
WRITTEN = HERE / "adoption/written"
TREE = ("--tree", "../new/generated")


@pytest.fixture
def code(site: Path) -> Path:
    return Path(shutil.copytree(WRITTEN, site / "code"))


@pytest.mark.parametrize("name", ["VacuumPump", "Amplifier"])
def test_a_class_is_proposed_and_the_code_rewritten(name: str, code: Path, update_golden: bool) -> None:
    expected = HERE / "adoption/rewritten" / name
    expected.mkdir(exist_ok=True)
    dry = gen(code, "adopt", f"bl01x.pumps:{name}", "plan.py", *TREE, "--dry-run")
    assert texts(code) == texts(WRITTEN)
    done = gen(code, "adopt", f"bl01x.pumps:{name}", ".", *TREE)
    assert done.returncode == dry.returncode == NOT_CLEAN
    found = texts(code)
    assert found.pop("bl01x/pumps.py") == (WRITTEN / "bl01x/pumps.py").read_bytes()
    expect_all(expected, found, update_golden)
    proposal, _, rewrote = done.stdout.partition("rewrote  ")
    assert rewrote == "plan.py\n1 file rewritten\n"
    assert dry.stdout.startswith(proposal)
    expect(HERE / f"adoption/{name}.txt", proposal, update_golden)
    expect(HERE / f"adoption/{name}.problems.txt", done.stderr, update_golden)


@pytest.mark.long
def test_mypy_accepts_code_in_which_nothing_is_left(site: Path, code: Path) -> None:
    assert mypy(code, site / "new/generated", "plan.py") == ""
    assert gen(code, "adopt", "bl01x.pumps:Amplifier", ".", *TREE).returncode == NOT_CLEAN
    assert mypy(code, site / "new/generated", "plan.py") == ""


@pytest.mark.parametrize("by", ["b01/main_pump", "b01/roots_pump", "b01", "RotaryPump", "devices.pump:RotaryPump"])
def test_it_can_be_said_what_replaces_it(by: str, code: Path) -> None:
    done = gen(code, "adopt", "bl01x/pumps.py:VacuumPump", "--with", by, *TREE)
    if by == "b01/main_pump":
        assert done.stderr.startswith("error[class-missing]: b01/main_pump is no generated class, no device")
        return
    assert done.stdout.startswith("bl01x.pumps.VacuumPump -> beamwright_generated.devices.pump.RotaryPump (3 of 4")
    assert texts(code) == texts(WRITTEN)


def test_the_parts_of_a_group_may_replace_it(code: Path) -> None:
    done = gen(code, "adopt", "bl01x.pumps:Amplifier", "--with", "b01/station", *TREE)
    assert done.stdout.startswith("bl01x.pumps.Amplifier -> beamwright_generated.devices.detector.Detector")


@pytest.mark.parametrize(
    ("case", "target"),
    [("unlike", "bl01x.pumps:Lamp"), ("module", "bl01x.gone:Lamp"), ("class", "bl01x.pumps:Gone")],
)
def test_nothing_that_fits_is_a_problem(case: str, target: str, code: Path, update_golden: bool) -> None:
    done = gen(code, "adopt", target, ".", *TREE)
    assert (done.returncode, done.stdout) == (NOT_CLEAN, "")
    assert texts(code) == texts(WRITTEN)
    expect(HERE / f"adoption/{case}.problems.txt", done.stderr, update_golden)


def test_a_target_is_a_module_and_a_class(code: Path) -> None:
    assert gen(code, "adopt", "bl01x.pumps", *TREE).returncode == USAGE
