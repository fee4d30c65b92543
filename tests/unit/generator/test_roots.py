"""Descriptions outside the repository: called by the name of their root, wherever they and the checkout lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers import generator_site as site
from tests.unit.generator.changes.changed_site import gen

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
GAUGES = """name: b01
roots: {support: SUPPORT}
search: [SUPPORT/db]
iocs:
  - name: B01-VA-IOC-01
    databases:
      - {file: gauge.template, macros: {P: "B01-VA-GAUGE-01:"}}
"""


@pytest.fixture
def support(tmp_path: Path) -> Path:
    folder = tmp_path / "epics/support"
    (folder / "db").mkdir(parents=True)
    (folder / "db/gauge.template").write_text(site.GAUGE)
    return folder


def checkout(folder: Path, text: str) -> Path:
    """Make a repository with a beamline file of its own, and nothing else."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    (folder / "beamline.yaml").write_text(text)
    return folder


def test_checkouts_at_any_depth_have_the_same_bytes(tmp_path: Path, support: Path) -> None:
    text = GAUGES.replace("SUPPORT", str(support))
    first = checkout(tmp_path / "a", text)
    assert gen(first, "beamline", "--quiet").returncode == CLEAN
    manifest = (first / "generated/beamwright_generated/_manifest.json").read_text()
    assert '"support/db/gauge.template"' in manifest
    assert str(tmp_path) not in manifest
    for depth in ("b/c", "b/d/e/f"):
        shutil.copytree(first, tmp_path / depth)
        done = gen(tmp_path / depth, "beamline", "--check")
        assert (done.returncode, done.stdout) == (CLEAN, "")


def test_the_environment_says_where_a_root_is(tmp_path: Path, support: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = checkout(tmp_path / "a", GAUGES.replace("SUPPORT", str(support)))
    assert gen(first, "beamline", "--quiet").returncode == CLEAN
    support.rename(tmp_path / "elsewhere")
    done = gen(first, "beamline", "--check")
    assert done.returncode == NOT_CLEAN
    assert f"beamline.yaml:2:9: error[root-invalid]: support is not here: {support} is not a folder" in done.stderr
    assert "BEAMWRIGHT_ROOT_SUPPORT=FOLDER" in done.stderr
    monkeypatch.setenv("BEAMWRIGHT_ROOT_SUPPORT", str(tmp_path / "elsewhere"))
    assert gen(first, "beamline", "--check", "--strict").returncode == CLEAN
    assert gen(first, "beamline", "--check").returncode == CLEAN


@pytest.mark.parametrize(
    ("roots", "why"),
    [
        ("{one: SUPPORT, two: SUPPORT}", "two is the folder of one"),
        ("{one: SUPPORT, two: SUPPORT/db}", "lies inside the other"),
        ("[SUPPORT/db, SUPPORT/db]", "two roots have the name support-db"),
        ("{generated: SUPPORT}", "generated is also the name of a file or folder of the repository"),
    ],
)
def test_roots_that_contradict_each_other_are_refused(tmp_path: Path, support: Path, roots: str, why: str) -> None:
    (support / "more/db").mkdir(parents=True)
    text = GAUGES.replace("{support: SUPPORT}", roots).replace("SUPPORT", "../epics/support")
    folder = checkout(tmp_path / "a", text)
    (folder / "generated").mkdir()
    done = gen(folder, "beamline")
    assert done.returncode == NOT_CLEAN
    assert "error[root-invalid]" in done.stderr
    assert why in done.stderr
    assert done.stderr.startswith("beamline.yaml:2:")
    assert list((folder / "generated").iterdir()) == []


def test_folders_of_a_list_that_are_called_alike_are_told_apart(tmp_path: Path, support: Path) -> None:
    (support / "more/db").mkdir(parents=True)
    (support / "more/db/pump.template").write_text(site.PUMP)
    text = GAUGES.replace("{support: SUPPORT}", "[SUPPORT/db, SUPPORT/more/db]").replace("SUPPORT", "../epics/support")
    more = '      - {file: ../epics/support/more/db/pump.template, macros: {P: "B01-PUMP-01:"}}\n'
    folder = checkout(tmp_path / "a", text + more)
    assert gen(folder, "beamline", "--quiet").returncode == CLEAN
    devices = folder / "generated/beamwright_generated/devices"
    assert "# Source: support-db/gauge.template\n" in (devices / "gauge.py").read_text()
    assert "# Source: more-db/pump.template\n" in (devices / "pump.py").read_text()


def test_an_option_says_where_a_root_is(tmp_path: Path, support: Path) -> None:
    first = checkout(tmp_path / "a", GAUGES.replace("SUPPORT", str(support)))
    assert gen(first, "beamline", "--quiet").returncode == CLEAN
    elsewhere = support.rename(tmp_path / "elsewhere")
    given = ("--root", f"support={elsewhere}")
    for command in (("beamline", "--check"), ("beamline", "--check", "--strict"), ("show", "-o", str(tmp_path / "p"))):
        assert gen(first, *command).returncode == NOT_CLEAN
        done = gen(first, *command, *given)
        assert (done.returncode, done.stderr) == (CLEAN, ""), done.stderr
    done = gen(first, "diff", "beamline.yaml", "generated", *given)
    assert (done.returncode, done.stdout) == (CLEAN, "no change for plans\n")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("suport=.", "--root suport: beamline.yaml has no root of that name; it has support"),
        ("support", "'support' is not NAME=DIR, such as support=/epics/support"),
        ("support=nowhere", "support: there is no folder nowhere"),
    ],
)
def test_an_option_that_names_no_root_is_refused(tmp_path: Path, support: Path, given: str, why: str) -> None:
    folder = checkout(tmp_path / "a", GAUGES.replace("SUPPORT", str(support)))
    for command in ("beamline", "show", "twin", "observe"):
        done = gen(folder, command, "--root", given)
        assert (done.returncode, why in " ".join(done.stderr.split())) == (USAGE, True), done.stderr
    done = gen(folder, "diff", "beamline.yaml", "beamline.yaml", "--root", given)
    assert (done.returncode, why.partition(":")[0] in done.stderr) == (USAGE, True)


@pytest.mark.parametrize("out", ["", "out: ../../generated\n"])
def test_a_copy_without_git_has_the_same_bytes(tmp_path: Path, support: Path, out: str) -> None:
    """Nothing marks the repository in the copy but what was generated in it; then a mark comes below it."""
    first = tmp_path / "a"
    checkout(first / "b01/bl", out + GAUGES.replace("SUPPORT", str(support)))
    (first / "b01/bl/pyproject.toml").unlink()
    (first / ".git").mkdir()
    assert gen(first, "beamline", "b01/bl/beamline.yaml", "--quiet").returncode == CLEAN
    assert '"b01/bl/beamline.yaml"' in (first / "generated/beamwright_generated/_manifest.json").read_text()
    copy = shutil.copytree(first, tmp_path / "deep/in/copy")
    (copy / ".git").rmdir()
    for _ in range(2):
        for folder, file in ((copy, "b01/bl/beamline.yaml"), (copy / "b01/bl", "beamline.yaml")):
            done = gen(folder, "beamline", file, "--check", "--strict")
            assert (done.returncode, done.stdout) == (CLEAN, "")
        (copy / "b01/pyproject.toml").touch()
