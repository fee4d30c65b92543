"""What users install: the content of the wheel and the source distribution, and the files that tools read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from ruamel.yaml import YAML

pytestmark = pytest.mark.long

PACKAGES = {
    "beamwright_generator": "generator",
    "beamwright_templates": "templates",
    "beamwright_runtime": "runtime",
    "beamwright_twin": "twin",
}


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=environment or None, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def package_files(repository: Path) -> set[str]:
    """Every file of the packages on disk, named as in a wheel."""
    return {
        path.relative_to(repository / root).as_posix()
        for package, root in PACKAGES.items()
        for path in (repository / root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def distributions(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, repository)
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    return next(distributions.glob("beamwright-*.whl"))


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_wheel_holds_every_file_of_the_packages(repository: Path, wheel_names: set[str]) -> None:
    inside = {name for name in wheel_names if ".dist-info/" not in name}
    assert inside == package_files(repository)


@pytest.mark.parametrize(
    "pattern",
    [
        "beamwright_*/py.typed",
        "beamwright_templates/*.j2",
        "beamwright_generator/tables/*.json",
    ],
)
def test_wheel_holds(wheel_names: set[str], pattern: str) -> None:
    assert any(PurePosixPath(name).match(pattern) for name in wheel_names), f"nothing like {pattern} in the wheel"


def test_each_package_is_marked_as_typed(wheel_names: set[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= wheel_names


def test_wheel_of_a_checkout_is_that_of_the_source_distribution(
    repository: Path, wheel_names: set[str], tmp_path: Path
) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, repository)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        assert {name for name in archive.namelist() if not name.endswith("/")} == wheel_names


def test_wheel_gives_no_other_top_level_names(wheel_names: set[str]) -> None:
    top = {name.partition("/")[0] for name in wheel_names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_source_distribution_builds_alone_and_holds_the_example(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("beamwright-*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= names
    assert "examples/x01/beamline.yaml" in names
    assert not any(name.startswith(("tests/", "benchmarks/", ".venv/")) for name in names)


def test_installed_wheel_runs_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel)
    code = f"import {', '.join(PACKAGES)}; print(*(p.__file__ for p in ({', '.join(PACKAGES)})), sep='\\n')"
    environment = {"PYTHONPATH": str(site), "PATH": "", "LC_ALL": "C"}
    for place in run(sys.executable, "-c", code, cwd=tmp_path, **environment).splitlines():
        assert Path(place).is_relative_to(site)
    assert "beamline" in run(sys.executable, site / "bin" / "gen", "--help", cwd=tmp_path, **environment)


BUILD_EDITABLE = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"


def test_only_a_checkout_has_the_example(repository: Path, wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-c", BUILD_EDITABLE, tmp_path, cwd=repository)
    found = {}
    for name, installed in {"editable": next(tmp_path.glob("*.whl")), "wheel": wheel}.items():
        run(sys.executable, "-m", "venv", "--without-pip", tmp_path / name)
        python = tmp_path / name / "bin" / "python"
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
        run(*pip, "install", "--quiet", "--no-deps", "--no-index", installed)
        code = (
            "import beamwright_generator; from importlib.util import find_spec as f; print(f('beamwright_generated'))"
        )
        found[name] = run(python, "-c", code, cwd=tmp_path, LC_ALL="C")
    assert str(repository / "generated" / "beamwright_generated") in found["editable"]
    assert found["wheel"] == "None\n"


def linguist_generated(repository: Path, folder: Path, names: list[str]) -> dict[str, str]:
    """Ask git about paths, in a new repository that has only our .gitattributes."""
    shutil.copy(repository / ".gitattributes", folder)
    run("git", "init", "--quiet", folder)
    answers = run("git", "check-attr", "linguist-generated", "--", *names, cwd=folder).splitlines()
    return {line.split(": ")[0]: line.split(": ")[2] for line in answers}


def test_reviewers_see_beamlines_and_not_devices(repository: Path, tmp_path: Path) -> None:
    generated = repository / "generated"
    names = [f"generated/{path.relative_to(generated).as_posix()}" for path in generated.rglob("*") if path.is_file()]
    names = [name for name in names if "__pycache__" not in name]
    answers = linguist_generated(repository, tmp_path, names)
    devices = {name for name in names if "/devices/" in name}
    assert devices, "the example's devices are committed"
    for name, answer in answers.items():
        hidden = name in devices or name.endswith("/_manifest.json")
        assert (name, answer) == (name, "set" if hidden else "unspecified")


def test_pre_commit_files_are_valid(repository: Path) -> None:
    pre_commit = Path(sys.executable).with_name("pre-commit")
    run(pre_commit, "validate-config", repository / ".pre-commit-config.yaml")
    run(pre_commit, "validate-manifest", repository / ".pre-commit-hooks.yaml")


@pytest.mark.parametrize(
    ("name", "watched"),
    [
        ("beamline.yaml", True),
        ("ioc/camera/simDetector.template", True),
        ("db/motors.substitutions", True),
        ("iocBoot/ioc01/st.cmd", True),
        ("SimDetector.pvi.device.yaml", True),
        ("generated/beamwright_generated/devices/sim_detector.py", True),
        ("b01/generated/b01_devices/devices/gauge.py", True),
        ("src/plans/align.py", False),
        ("README.md", False),
    ],
)
def test_hook_for_other_repositories_watches_descriptions_and_output(
    repository: Path, name: str, watched: bool
) -> None:
    (hook,) = YAML(typ="safe").load(repository / ".pre-commit-hooks.yaml")
    assert bool(re.search(hook["files"], name)) is watched


def test_constraints_are_exact_and_name_no_place(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line)] == []
