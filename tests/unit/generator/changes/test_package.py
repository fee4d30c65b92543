"""A package of the site's own: where it is written, what it imports, how it is found again, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import generator_site as site
from tests.unit.generator.changes.changed_site import HERE, expect, gen

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
OWN = "package: mysite.devices\n"


def described(folder: Path, more: str) -> None:
    (folder / "beamline.yaml").write_text(site.beamline(more=more), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site whose package is `mysite.devices`, generated."""
    site.make(tmp_path)
    described(tmp_path, OWN)
    done = gen(tmp_path, "beamline", "--quiet")
    assert (done.returncode, done.stderr) == (CLEAN, "")
    return tmp_path


@pytest.mark.long
def test_a_dotted_package_lies_below_out_and_imports_itself(folder: Path) -> None:
    package = folder / "generated/mysite/devices"
    assert json.loads((package / "_manifest.json").read_text())["package"] == "mysite.devices"
    assert gen(folder, "beamline", "--check").returncode == CLEAN
    code = "from mysite.devices.beamlines import b01; print(type(b01.b01_pump_01()).__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder / "generated", capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.stderr) == ("mysite.devices.devices.pump\n", "")


def test_the_option_stands_above_the_file(folder: Path) -> None:
    assert gen(folder, "beamline", "--package", "other", "--quiet").returncode == CLEAN
    assert (folder / "generated/other/beamlines/b01.py").is_file()


def test_diff_and_migrate_find_it_by_its_manifest(folder: Path) -> None:
    old = folder / "before"
    (folder / "generated").rename(old)
    described(folder, OWN + "overrides: {templates: {pump.template: {records: {SPEED: {name: turns}}}}}\n")
    assert gen(folder, "beamline", "--quiet").returncode == CLEAN
    plan = folder / "plans/run.py"
    plan.parent.mkdir()
    plan.write_text("from mysite.devices.devices.pump import Pump\n\n\ndef f(p: Pump) -> object:\n    return p.speed\n")
    assert "Pump.speed -> turns (same PV SPEED)" in gen(folder, "diff", "before", "generated").stdout
    done = gen(folder, "migrate", "plans", "--from", "before")
    assert done.returncode == CLEAN, done.stderr
    assert "return p.turns" in plan.read_text()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("b-01", "'b-01' is not an identifier"),
        ("a..b", "'' is not an identifier"),
        ("a.class", "class is a keyword of Python"),
        ("json.devices", "would hide json"),
        ("bluesky", "would hide bluesky"),
    ],
)
def test_a_name_that_python_cannot_import_is_refused_with_its_line(tmp_path: Path, name: str, why: str) -> None:
    site.make(tmp_path)
    described(tmp_path, f"package: {name}\n")
    done = gen(tmp_path, "beamline")
    assert done.returncode == NOT_CLEAN
    assert done.stderr.startswith("beamline.yaml:6:1: error[beamline-invalid]: package: ")
    assert why in done.stderr
    assert gen(tmp_path, "beamline", "--package", name).returncode == USAGE
    assert not (tmp_path / "generated").exists()


def test_two_beamlines_do_not_write_different_packages_into_one_folder(folder: Path) -> None:
    (folder / "b02.yaml").write_text(site.beamline("b02", more="package: devices\nout: generated/mysite\n"))
    before = site.snapshot(folder / "generated")
    done = gen(folder, "beamline", "b02.yaml")
    assert done.returncode == NOT_CLEAN
    assert "devices would be written where b01 has the package mysite.devices" in done.stderr
    assert site.snapshot(folder / "generated") == before


def test_what_the_site_wrote_is_never_replaced(tmp_path: Path) -> None:
    site.make(tmp_path, {"generated/mysite/__init__.py": "VALUE = 1\n"})
    described(tmp_path, "package: mysite\n")
    done = gen(tmp_path, "beamline")
    assert done.returncode == NOT_CLEAN
    assert "error[output-foreign]: mysite already has a file __init__.py" in done.stderr
    assert (tmp_path / "generated/mysite/__init__.py").read_text() == "VALUE = 1\n"


def test_a_renamed_package_leaves_a_word_about_the_former(folder: Path, update_golden: bool) -> None:
    described(folder, "package: renamed\n")
    done = gen(folder, "beamline", "--quiet")
    assert done.returncode == CLEAN
    expect(HERE / "package_left.problems.txt", done.stderr, update_golden)


def test_a_beamline_that_two_packages_have_is_asked_for_by_its_file(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other/beamline.yaml").write_text(site.beamline(more="package: other_devices\nsearch: [..]\n"))
    done = gen(folder, "beamline", "other/beamline.yaml", "--quiet")
    assert done.returncode == CLEAN, done.stderr
    for command in (("beamline", "b01"), ("show", "b01"), ("observe", "b01")):
        done = gen(folder, *command)
        said = "several packages have a beamline b01: name its file, which is one of beamline.yaml, other/beamline.yaml"
        assert (done.returncode, said in " ".join(done.stderr.split())) == (USAGE, True), done.stderr
