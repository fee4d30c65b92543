"""`gen diff`: its sides, its forms, its exit codes; the repository is only read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import generator_site
from tests.unit.generator.changes.changed_site import HERE, expect, gen

pytestmark = pytest.mark.long

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
TREES = ("old/generated", "new/generated")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A repository whose pump has another speed in each of two commits, and a third that is not committed."""
    git(tmp_path, "init", "-q")
    for number, name in enumerate(("speed", "rotation", "turns")):
        more = f"overrides: {{templates: {{pump.template: {{records: {{SPEED: {{name: {name}}}}}}}}}}}\n"
        generator_site.make(tmp_path, {"beamline.yaml": generator_site.beamline(more=more)})
        assert gen(tmp_path, "beamline", "--quiet").returncode == CLEAN
        if number < 2:
            git(tmp_path, "add", "-A")
            git(tmp_path, "commit", "-q", "-m", name)
            git(tmp_path, "tag", f"v{number + 1}")
    return tmp_path


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_every_form_tells_the_same(form: str, generated_site: Path, update_golden: bool) -> None:
    done = gen(generated_site, "diff", *TREES, "--format", form)
    assert (done.returncode, done.stderr) == (CLEAN, "")
    expect(HERE / f"sides/diff.{form}", done.stdout, update_golden)


def test_json_counts_what_it_lists(generated_site: Path) -> None:
    told = json.loads(gen(generated_site, "diff", *TREES, "--format", "json").stdout)
    effects = [change["effect"] for change in told["changes"]]
    assert told["counts"] == {effect: effects.count(effect) for effect in ("breaking", "compatible", "cosmetic")}
    assert (told["format"], told["old"], told["new"]) == (1, *TREES)


def test_a_breaking_change_can_end_a_pipeline(generated_site: Path) -> None:
    assert gen(generated_site, "diff", *TREES, "--exit-code").returncode == NOT_CLEAN
    assert gen(generated_site, "diff", TREES[0], TREES[0], "--exit-code").returncode == CLEAN


def test_descriptions_are_compared_without_being_written(generated_site: Path) -> None:
    wanted = gen(generated_site, "diff", *TREES).stdout
    assert gen(generated_site, "diff", "old/beamline.yaml", "new/generated").stdout == wanted
    assert gen(generated_site, "diff", "old/generated", "new/beamline.yaml").stdout == wanted


def test_the_places_that_use_what_broke_are_named(site: Path) -> None:
    (site / "plan.py").write_text(
        "from beamwright_generated.beamlines import b01\n\n\ndef plan(pump):\n"
        "    print(b01.detector().gain, b01.detector().mode)\n    print(pump.speed)\n"
    )
    told = gen(site, "diff", *TREES, "--plans", "plan.py")
    assert told.stdout.endswith("11 breaking, 1 compatible change\nused by plans:\n  plan.py:5\n")
    shown = gen(site, "diff", *TREES, "--plans", "plan.py", "--format", "markdown").stdout
    assert shown.endswith("\n\nPlans that use what broke: `plan.py:5` (run `gen migrate`)\n")


@pytest.mark.parametrize(
    ("sides", "renamed"),
    [
        (("v1", "v2"), "speed -> rotation"),
        (("HEAD~1", "HEAD:generated"), "speed -> rotation"),
        (("v1:generated/beamwright_generated", "v2:./generated"), "speed -> rotation"),
        (("HEAD", "generated"), "rotation -> turns"),
        (("v1:beamline.yaml", "beamline.yaml"), "speed -> turns"),
        (("v1", "b01"), "speed -> turns"),
    ],
)
def test_revisions_are_read_and_left_alone(sides: tuple[str, str], renamed: str, history: Path) -> None:
    before = git(history, "status", "--porcelain=v2", "--branch"), (history / ".git/index").read_bytes()
    done = gen(history, "diff", *sides)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].endswith(f"Pump.{renamed} (same PV SPEED)" if sides else "")
    assert (git(history, "status", "--porcelain=v2", "--branch"), (history / ".git/index").read_bytes()) == before


def test_a_revision_has_every_file_that_was_committed(history: Path) -> None:
    (history / ".gitattributes").write_text("*.template export-ignore\n")
    (history / "support").symlink_to("/nowhere/support")
    git(history, "add", "-A")
    git(history, "commit", "-q", "-m", "left out of archives")
    done = gen(history, "diff", "HEAD:beamline.yaml", "beamline.yaml")
    assert (done.returncode, done.stderr) == (CLEAN, "")
    assert "no change" in done.stdout


def test_a_revision_is_found_from_a_folder_below(history: Path) -> None:
    (history / "plans").mkdir()
    assert "speed -> rotation" in gen(history / "plans", "diff", "v1", "v2").stdout
    assert "speed -> rotation" in gen(history / "generated", "diff", "v1:./", "v2:./beamwright_generated").stdout


def test_plans_are_migrated_from_what_is_committed(history: Path) -> None:
    (history / "plan.py").write_text(
        "from beamwright_generated.devices.pump import Pump\n\n\n"
        "def plan(pump: Pump) -> None:\n    print(pump.rotation)\n"
    )
    assert gen(history, "migrate", "plan.py").returncode == CLEAN
    assert (history / "plan.py").read_text().endswith("print(pump.turns)\n")


@pytest.mark.parametrize(
    ("case", "sides"),
    [
        ("unknown", ("v1", "v9")),
        ("option", ("--", "--output=gone", "v1")),
        ("no_tree", ("v1", "empty")),
        ("several", ("v3", "v1")),
        ("invalid", ("v1", "broken.yaml")),
    ],
)
def test_a_side_that_cannot_be_read_is_a_problem(
    case: str, sides: tuple[str, ...], history: Path, update_golden: bool
) -> None:
    (history / "empty").mkdir()
    (history / "broken.yaml").write_text("name: [\n")
    (history / "other/beamwright_generated").mkdir(parents=True)
    (history / "other/beamwright_generated/_manifest.json").write_text("{}")
    git(history, "add", "other")
    git(history, "commit", "-q", "-m", "several")
    git(history, "tag", "v3")
    done = gen(history, "diff", *sides)
    assert (done.returncode, done.stdout) == (NOT_CLEAN, "")
    expect(HERE / f"sides/{case}.problems.txt", done.stderr, update_golden)


def test_outside_of_a_repository_folders_do(generated_site: Path, tmp_path: Path) -> None:
    old, new = (str(generated_site / tree) for tree in TREES)
    assert gen(tmp_path, "diff", old, new).returncode == CLEAN
    assert "is no folder, no file, no git revision" in gen(tmp_path, "diff", "HEAD", new).stderr


def test_only_what_rewrites_loads_libcst() -> None:
    modules = "beamwright_generator.cli.gen, beamwright_generator.changes.diff.versions"
    code = f"import sys, {modules}\nprint('libcst' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "False\n"
