"""Each extra installs what it is for, and where it is missing, one sentence names it before anything starts."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from beamwright_generator.basics import optional_packages
from beamwright_runtime import extras as _extras
from tests.helpers.paths import ROOT
from tests.helpers.without_packages import python_alone, python_without

pytestmark = pytest.mark.long

RUNTIME = ROOT / "runtime" / "beamwright_runtime"
GENERATOR = ROOT / "generator" / "beamwright_generator"
TWIN = ROOT / "twin" / "beamwright_twin"
EXAMPLE = ROOT / "examples" / "x01" / "beamline.yaml"
TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTEST = (
    "-m",
    "pytest",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:beamwright",
    "-p",
    "beamwright_twin.pytest_plugin",
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def own_requirements(extra: str | None) -> set[str]:
    """Give the distributions that an extra names itself; those of the plain installation for None."""
    lines = TABLE["optional-dependencies"][extra] if extra else TABLE["dependencies"]
    names = {normal(re.split(r"[\[<>=]", line)[0]) for line in lines}
    return names - {"beamwright"}


def distributions(modules: set[str]) -> set[str]:
    known = packages_distributions()
    return {normal(known[module][0]) for module in modules}


def imported_by(*files: Path) -> set[str]:
    """Give the top-level packages of others that modules import."""
    found = {name.partition(".")[0] for file in files for name in imports(ast.parse(file.read_text(encoding="utf-8")))}
    return {name for name in found if name not in sys.stdlib_module_names and not name.startswith("beamwright_")}


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def modules(folder: Path, *without: str) -> list[Path]:
    return [path for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] not in without]


def test_what_the_runtime_imports_is_what_live_installs() -> None:
    needed = imported_by(*modules(RUNTIME, "nexus"), *modules(ROOT / "generated"))
    assert distributions(needed) - own_requirements(None) == own_requirements("live")
    assert distributions(set(_extras.PACKAGES["live"])) == own_requirements("live")


def test_what_nexus_files_need_is_what_nexus_installs() -> None:
    needed = imported_by(*modules(RUNTIME / "nexus"))
    assert distributions(needed) - own_requirements("live") == own_requirements("nexus")
    assert distributions(set(_extras.PACKAGES["nexus"])) == own_requirements("nexus")


def test_what_a_twin_imports_is_what_twin_installs() -> None:
    needed = imported_by(*modules(TWIN)) - {"pytest"}
    assert distributions(needed) - own_requirements(None) - own_requirements("live") == own_requirements("twin")
    assert distributions(set(optional_packages.TWIN_PACKAGES)) == distributions(needed) - own_requirements(None)


def test_what_asks_live_systems_is_installed_by_live() -> None:
    needed = imported_by(*modules(GENERATOR / "observe"))
    assert distributions(needed) - own_requirements(None) <= own_requirements("live")
    assert {*optional_packages.CA_PACKAGES, *optional_packages.PVA_PACKAGES} == needed & set(_extras.PACKAGES["live"])


PUBLIC_PARTS = {"markupsafe", "pydantic-core"}
"""What jinja2 and pydantic document as the place of their own names, and install in the version that fits."""


def test_gen_itself_needs_no_extra() -> None:
    needed = imported_by(*modules(GENERATOR, "observe"))
    assert distributions(needed) - PUBLIC_PARTS <= own_requirements(None)


def test_each_extra_says_what_it_is_for() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    for extra in TABLE["optional-dependencies"]:
        (at,) = (number for number, line in enumerate(lines) if line.startswith(f"{extra} = ["))
        assert lines[at - 1].startswith("# "), f"no word about {extra}"


@pytest.mark.parametrize(
    "statement",
    [
        "import beamwright_runtime",
        "import beamwright_runtime.fly",
        "import beamwright_runtime.nexus",
        "import beamwright_runtime.plans",
        "from beamwright_runtime import Beamline",
        "import beamwright_generated.devices",
        "import beamwright_generated.beamlines.x01",
        "from beamwright_generated.devices.gauge import Gauge",
    ],
)
def test_the_runtime_alone_names_its_extra(statement: str, tmp_path: Path) -> None:
    done = python_alone(tmp_path)("-c", statement, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: beamwright_runtime needs aioca, bluesky, cycler, epicscorelibs, event_model, numpy, "
        'ophyd_async, p4p and scanspec, which are not installed: pip install "beamwright[live]"'
    )
    assert done.stderr.count("Traceback") == 1, "nothing but the sentence is told"


CAUGHT = "try: import beamwright_runtime\nexcept ModuleNotFoundError as error: print(error.name, error, sep=': ')"


def test_one_package_that_is_missing_is_named(tmp_path: Path) -> None:
    done = python_without(tmp_path, ["p4p"])("-c", CAUGHT, cwd=tmp_path)
    sentence = 'p4p: beamwright_runtime needs p4p, which is not installed: pip install "beamwright[live]"\n'
    assert done.stdout == sentence, done.stderr


def test_a_folder_of_a_packages_name_is_no_package(tmp_path: Path) -> None:
    packages, work = tmp_path / "packages", tmp_path / "work"
    packages.mkdir()
    (work / "p4p" / "docs").mkdir(parents=True)
    done = python_without(packages, ["p4p"])("-c", CAUGHT, cwd=work)
    assert done.stdout.startswith("p4p: beamwright_runtime needs p4p, which is not installed"), done.stderr


def test_an_error_inside_a_package_is_told_as_it_is(tmp_path: Path) -> None:
    broken = tmp_path / "bluesky"
    broken.mkdir()
    (broken / "__init__.py").write_text("import nothing_like_this\n")
    python = python_without(tmp_path, ["bluesky"])
    done = python("-c", "import beamwright_runtime.plans", cwd=ROOT)
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'nothing_like_this'"


def test_a_nexus_writer_names_its_extra(tmp_path: Path) -> None:
    code = "from beamwright_runtime.nexus import NexusWriter\nNexusWriter('runs')"
    done = python_without(tmp_path, ["h5py"])("-c", code, cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == (
        'ModuleNotFoundError: NexusWriter needs h5py, which is not installed: pip install "beamwright[nexus]"'
    )


PLAIN = {*_extras.PACKAGES["live"], *optional_packages.TWIN_PACKAGES}
"""What is not there after `pip install beamwright`."""
LACKS = [
    (PLAIN, "epicscorelibs, h5py, numpy, p4p, pvxslibs and setuptools_dso, which are not installed"),
    ({"h5py"}, "h5py, which is not installed"),
    ({"pvxslibs"}, "pvxslibs, which is not installed"),
]


@pytest.mark.parametrize(("lacking", "said"), LACKS)
def test_gen_twin_names_its_extra_before_it_starts(lacking: set[str], said: str, tmp_path: Path) -> None:
    done = python_without(tmp_path, lacking)("-m", "beamwright_generator.cli", "twin", EXAMPLE, cwd=tmp_path)
    assert done.stderr == f'a twin needs {said}: pip install "beamwright[twin]"\n'
    assert done.stdout == ""
    assert done.returncode == 1


def test_the_class_names_the_extra_where_it_is_made(tmp_path: Path) -> None:
    code = "from beamwright_twin import Twin\nTwin('nowhere.yaml')"
    done = python_without(tmp_path, ["h5py"])("-c", code, cwd=tmp_path)
    assert done.stderr.splitlines()[-1].endswith(
        'TwinError: a twin needs h5py, which is not installed: pip install "beamwright[twin]"'
    )


def test_the_fixture_names_the_extra(tmp_path: Path) -> None:
    packages, work = tmp_path / "packages", tmp_path / "work"
    packages.mkdir()
    work.mkdir()
    (work / "pytest.ini").write_text(f"[pytest]\ntwin_beamline = {EXAMPLE}\n")
    (work / "test_it.py").write_text("def test_it(twin): ...\n")
    done = python_without(packages, ["h5py"])(*PYTEST, "test_it.py", cwd=work)
    assert 'a twin needs h5py, which is not installed: pip install "beamwright[twin]"' in done.stdout.splitlines()
    assert "1 error" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


BOTH_TRANSPORTS = """
name: b01
iocs:
  - name: OVER-CA
    databases: [{file: a.db, macros: {P: "CA:"}}]
  - name: OVER-PVA
    transport: pva
    databases: [{file: a.db, macros: {P: "PVA:"}}]
"""


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (PLAIN, "aioca, epicscorelibs and p4p, which are not installed"),
        ({"aioca"}, "aioca, which is not installed"),
        ({"p4p"}, "p4p, which is not installed"),
    ],
)
def test_gen_observe_names_its_extra(lacking: set[str], said: str, tmp_path: Path) -> None:
    packages, work = tmp_path / "packages", tmp_path / "work"
    packages.mkdir()
    work.mkdir()
    (work / "pyproject.toml").touch()
    (work / "a.db").write_text('record(longout, "$(P)A") {}\n')
    (work / "beamline.yaml").write_text(BOTH_TRANSPORTS)
    done = python_without(packages, lacking)("-m", "beamwright_generator.cli", "observe", "-o", "seen.yaml", cwd=work)
    assert done.returncode == 1
    assert f"error[live-not-installed]: asking live systems needs {said}" in done.stderr.splitlines()
    assert '  hint: pip install "beamwright[live]"' in done.stderr.splitlines()
