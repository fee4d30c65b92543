"""`gen migrate`: proven uses are rewritten and type-check, all else is listed, files change whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from beamwright_generator.write.disk import replace_all
from tests.unit.generator.changes.changed_site import HERE, expect, expect_all, gen, mypy, texts

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
SIDES = ("--from", "old/generated", "--to", "new/generated")
WRITTEN, MIGRATED = HERE / "plans/written", HERE / "plans/migrated"
PROVEN = ("annotations.py", "classes.py", "factories.py", "own_pumps.py")
"""Modules in which everything is proven."""


@pytest.fixture
def plans(site: Path) -> Path:
    return Path(shutil.copytree(WRITTEN, site / "plans"))


def test_what_is_proven_is_rewritten_and_the_rest_listed(site: Path, plans: Path, update_golden: bool) -> None:
    done = gen(site, "migrate", "plans", *SIDES, "--notes")
    assert done.returncode == NOT_CLEAN
    expect_all(MIGRATED, texts(plans), update_golden)
    expect(HERE / "plans/problems.txt", done.stderr, update_golden)
    rewrote = [line.removeprefix("rewrote  plans/") for line in done.stdout.splitlines()[:-1]]
    assert rewrote == [name for name, text in texts(WRITTEN).items() if texts(plans)[name] != text]


@pytest.mark.long
def test_mypy_accepts_the_plans_before_and_after(site: Path, plans: Path) -> None:
    assert mypy(plans, site / "old/generated", *PROVEN) == ""
    assert mypy(plans, site / "new/generated", *PROVEN) != ""
    assert gen(site, "migrate", *(f"plans/{name}" for name in PROVEN), *SIDES).returncode == CLEAN
    assert mypy(plans, site / "new/generated", *PROVEN) == ""


def test_a_dry_run_shows_the_same_and_writes_nothing(site: Path, plans: Path) -> None:
    dry = gen(site, "migrate", "plans", *SIDES, "--dry-run", "--notes")
    assert texts(plans) == texts(WRITTEN)
    assert dry.returncode == NOT_CLEAN
    assert "-from beamwright_generated.devices.pump import Pump, PumpState\n" in dry.stdout
    wet = gen(site, "migrate", "plans", *SIDES, "--notes")
    listed = [line for line in wet.stderr.splitlines() if "[migrate-" in line]
    assert listed == [line for line in dry.stderr.splitlines() if "[migrate-" in line]


def test_a_second_run_changes_nothing(site: Path, plans: Path) -> None:
    gen(site, "migrate", "plans", *SIDES)
    once = texts(plans)
    again = gen(site, "migrate", "plans", *SIDES)
    assert texts(plans) == once
    assert again.stdout == "0 files rewritten\n"


def test_a_file_that_is_not_python_stops_everything(site: Path, plans: Path, update_golden: bool) -> None:
    (plans / "broken.py").write_text("x = 1\nprint(pump.speed(:\n")
    before = texts(plans)
    done = gen(site, "migrate", "plans", *SIDES)
    assert done.returncode == NOT_CLEAN
    assert texts(plans) == before
    errors = [line for line in done.stderr.splitlines(keepends=True) if "error[" in line]
    expect(HERE / "plans/syntax.problems.txt", "".join(errors), update_golden)


def test_names_that_were_exchanged_are_rewritten_once(site: Path, update_golden: bool) -> None:
    for side, names in (("old", ("stage_x", "stage_y")), ("new", ("stage_y", "stage_x"))):
        file = site / side / "beamline.yaml"
        text = file.read_text()
        for device, name in zip(('"B01-VA-PUMP-01:": {name: ', '"B01-EA-DET-01:": {name: '), names, strict=True):
            start = text.index(device) + len(device)
            text = text[:start] + name + text[text.index("}", start) :]
        file.write_text(text)
        assert gen(site / side, "beamline", "--quiet").returncode == CLEAN
    (site / "plan.py").write_text(
        "from beamwright_generated.beamlines import b01\n\nprint(b01.stage_x().state, b01.stage_y().mode)\n"
    )
    done = gen(site, "migrate", "plan.py", *SIDES)
    assert "print(b01.stage_y().state, b01.stage_x().mode)" in (site / "plan.py").read_text()
    expect(HERE / "plans/exchanged.problems.txt", done.stderr, update_golden)


def test_permissions_and_links_stay(site: Path, plans: Path) -> None:
    script = plans / "factories.py"
    script.chmod(0o755)
    (site / "linked").mkdir()
    (site / "linked/plan.py").symlink_to(plans / "annotations.py")
    gen(site, "migrate", "plans/factories.py", "linked/plan.py", *SIDES)
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert (site / "linked/plan.py").is_symlink()
    assert (plans / "annotations.py").read_bytes() == (MIGRATED / "annotations.py").read_bytes()
    assert sorted(path.name for path in plans.iterdir()) == sorted(texts(WRITTEN))


def test_no_file_changes_when_one_cannot_be_written(tmp_path: Path) -> None:
    files = {tmp_path / name / "plan.py": name.encode() for name in ("a", "b", "c")}
    for path in files:
        path.parent.mkdir()
        path.write_bytes(b"before")
    (tmp_path / "b/plan.py").unlink()
    with pytest.raises(OSError, match=r"plan\.py"):
        replace_all(files)
    assert [path.read_bytes() for path in (tmp_path / "a/plan.py", tmp_path / "c/plan.py")] == [b"before"] * 2
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["plan.py", "plan.py"]


def test_what_was_replaced_is_put_back_when_a_later_file_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {tmp_path / f"{name}.py": name.encode() for name in ("a", "b")}
    for path in files:
        path.write_bytes(b"before")
    replace = Path.replace

    def fail_for_b(self: Path, target: str | os.PathLike[str]) -> Path:
        if Path(target).name == "b.py":
            raise PermissionError(13, "Permission denied", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_for_b)
    with pytest.raises(PermissionError):
        replace_all(files)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.py": b"before", "b.py": b"before"}


def test_generated_hidden_and_installed_code_is_passed_over(site: Path, plans: Path) -> None:
    for folder in (".hidden", "venv", "mysite", "__pycache__"):
        shutil.copytree(WRITTEN, plans / folder)
    (plans / "venv/pyvenv.cfg").touch()
    (plans / "mysite/_manifest.json").touch()
    gen(site, "migrate", "plans", *SIDES)
    for folder in (".hidden", "venv", "mysite", "__pycache__"):
        assert texts(plans / folder) == texts(WRITTEN)


def test_without_paths_it_says_how_it_is_used(site: Path) -> None:
    assert gen(site, "migrate").returncode == USAGE
    assert gen(site, "migrate", "gone").returncode == USAGE
