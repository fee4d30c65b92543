"""Golden cases: every folder below `tests/golden` is one idea, with the text that `gen` makes of it.

A case holds a beamline file with its inputs, `expected/` (the generated package without its manifest; absent where
nothing may be written) and `problems.txt` (what stands on stderr). `case.toml` changes how it is run:

- `file`: the beamline file, where it is not `beamline.yaml`; `first`: those generated into the same tree before;
- `out`: the beamline file says where the package goes, and not the test;
- `load`: a database that is loaded as an IOC loads it, with `macros`, in place of a beamline;
- `large`: files made with so many bytes; `repeated`: files numbered from 0, `{n}` and `{next}` filled in.
"""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from beamwright_generator.cli.gen import main
from beamwright_generator.parse.database.loader import load_database
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import CODES, Problems
from tests.helpers.paths import GOLDEN, HELPERS, REPORTED
from tests.helpers.type_checkers import standard_basedpyright, strict_mypy

pytestmark = pytest.mark.long


CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir() and any(path.iterdir()))
OUTPUTS = ("expected", "problems.txt")
UPDATE = "python -m pytest tests/unit/generator/test_golden.py --update-golden"

Outcome = dict[str, str]
"""Texts by path: the tree below `expected/`, and `problems.txt`."""


def settings(case: Path) -> dict[str, Any]:
    file = case / "case.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def copy_inputs(case: Path, target: Path, how: dict[str, Any]) -> None:
    """Put a case's inputs where no repository is around them, so that file names are shown from the beamline file."""
    shutil.copytree(case, target, ignore=shutil.ignore_patterns(*OUTPUTS, "case.toml"))
    for name, size in how.get("large", {}).items():
        with (target / name).open("wb") as file:
            file.truncate(size)
    for repeated in how.get("repeated", ()):
        for n in range(repeated["count"]):
            texts = (repeated[key].replace("{n}", str(n)).replace("{next}", str(n + 1)) for key in ("file", "text"))
            name, text = texts
            (target / name).write_text(text, encoding="utf-8")


def run(case: Path, folder: Path) -> Outcome:
    """Run one case in a folder of its own and give everything that came out."""
    how = settings(case)
    site, out = folder / "site", folder / "out"
    copy_inputs(case, site, how)
    if "load" in how:
        return {"problems.txt": loaded(site, how)}
    file = site / how.get("file", "beamline.yaml")
    (file.parent / "pyproject.toml").touch()
    for first in how.get("first", ()):
        done = CliRunner().invoke(main, ["beamline", str(site / first), "--out", str(out), "--quiet"])
        assert done.exit_code == 0, done.output
    before = read_tree(out)
    where = [] if "out" in how else ["--out", str(out)]
    done = CliRunner().invoke(main, ["beamline", str(file), *where, "--notes", "--quiet"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    found = read_tree(out)
    assert done.exit_code == (1 if "error[" in done.stderr else 0), done.stderr
    if done.exit_code:
        assert found == before, "something was written in spite of errors"
        found = {}
    assert "Traceback" not in done.stderr
    assert str(folder) not in done.stderr, "a problem names a folder of this machine"
    return {f"expected/{path}": text for path, text in found.items()} | {
        name: text for name, text in {"problems.txt": done.stderr}.items() if text
    }


def loaded(site: Path, how: dict[str, Any]) -> str:
    problems = Problems()
    load_database(DescriptionFiles([site], site, problems), site / how["load"], how.get("macros", {}), [site], problems)
    return "".join(f"{problem}\n" for problem in problems.in_order())


def read_tree(out: Path) -> Outcome:
    """Read a generated package, all but its manifest."""
    return {
        path.relative_to(out).as_posix().removeprefix("beamwright_generated/"): path.read_text(encoding="utf-8")
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "_manifest.json"
    }


def expected(case: Path) -> Outcome:
    files = [case / "problems.txt", *sorted((case / "expected").rglob("*"))]
    return {
        path.relative_to(case).as_posix(): path.read_text(encoding="utf-8")
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(case: str, wanted: Outcome, found: Outcome) -> str:
    """Compare both ways, as one unified diff."""
    parts: list[str] = []
    for path in sorted(wanted.keys() | found.keys()):
        old, new = wanted.get(path), found.get(path)
        if old == new:
            continue
        note = "" if old is not None and new is not None else " (missing)" if new is None else " (extra)"
        parts += difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (new or "").splitlines(keepends=True),
            f"tests/golden/{case}/{path}",
            f"generated/{path}{note}",
        )
    return "".join(parts)


def update(case: Path, found: Outcome) -> None:
    shutil.rmtree(case / "expected", ignore_errors=True)
    (case / "problems.txt").unlink(missing_ok=True)
    for path, text in found.items():
        target = case / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, tmp_path: Path, update_golden: bool) -> None:
    case = GOLDEN / name
    found = run(case, tmp_path)
    wanted = expected(case)
    if update_golden:
        update(case, found)
        wanted = expected(case)
    if wanted != found:
        pytest.fail(f"{differences(name, wanted, found)}\nIf this is what it should be: {UPDATE}", pytrace=False)


def test_every_problem_code_has_a_case() -> None:
    paths = (*GOLDEN.glob("*/problems.txt"), *(path for folder in REPORTED for path in folder.rglob("*problems.txt")))
    shown = "".join(path.read_text(encoding="utf-8") for path in paths)
    seen = set(re.findall(r"^(?:\S.*: )?(?:error|warning|note)\[([a-z-]+)\]: ", shown, re.MULTILINE))
    assert seen - CODES.keys() == set()
    assert sorted(CODES.keys() - seen) == [], "problem codes without a case"


def test_a_case_that_differs_is_shown_both_ways() -> None:
    wanted = {"expected/a.py": "old\n", "expected/gone.py": "x\n"}
    found = {"expected/a.py": "new\n", "expected/deep/more.py": "y\n"}
    shown = differences("idea", wanted, found)
    assert [line for line in shown.splitlines() if line[:1] in "+-"] == [
        "--- tests/golden/idea/expected/a.py",
        "+++ generated/expected/a.py",
        "-old",
        "+new",
        "--- tests/golden/idea/expected/deep/more.py",
        "+++ generated/expected/deep/more.py (extra)",
        "+y",
        "--- tests/golden/idea/expected/gone.py",
        "+++ generated/expected/gone.py (missing)",
        "-x",
    ]


def test_updating_is_refused_in_a_pipeline(repository: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--update-golden",
        "--collect-only",
        "-q",
        "tests/unit/generator/write/test_tree.py",
    ]
    done = subprocess.run(command, cwd=repository, env={"CI": "true"}, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "refused where CI is set" in done.stderr


# -- the expected trees are good Python: checked, imported, connected


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every expected tree as a package of its own, `golden_<case>`, in one folder."""
    folder = tmp_path_factory.mktemp("trees")
    for name in CASES:
        tree = GOLDEN / name / "expected"
        for path in sorted(tree.rglob("*")) if tree.is_dir() else ():
            if path.is_file() and "__pycache__" not in path.parts:
                target = folder / f"golden_{name}" / path.relative_to(tree)
                target.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text(encoding="utf-8")
                target.write_text(text.replace("beamwright_generated", f"golden_{name}"), encoding="utf-8")
    return folder


def test_expected_trees_pass_mypy_strict(packages: Path) -> None:
    assert strict_mypy(packages, ".") == ""


def test_expected_trees_pass_basedpyright(packages: Path) -> None:
    assert standard_basedpyright(packages) == ""


def test_expected_trees_are_imported_and_connect_in_mock_mode(packages: Path) -> None:
    script = HELPERS / "connect_trees.py"
    command = [sys.executable, "-W", "error", str(script), str(packages)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    devices, modules = (int(word) for word in done.stdout.split() if word.isdigit())
    assert devices >= len(CASES) // 2
    assert modules == len([*packages.rglob("*.py")])


def test_expected_trees_are_clean_under_the_linter(tmp_path: Path, repository: Path) -> None:
    """As `generated/` is checked in this repository: the same settings, and the same packages are our own."""
    shutil.copy(repository / "pyproject.toml", tmp_path)
    (tmp_path / "runtime").symlink_to(repository / "runtime")
    (tmp_path / "generated" / "beamwright_generated").mkdir(parents=True)
    for name in CASES:
        if (GOLDEN / name / "expected").is_dir():
            shutil.copytree(GOLDEN / name / "expected", tmp_path / "generated" / name / "beamwright_generated")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
