"""A site's repository is as its page says: it installs, passes its own pipeline, and stands beside another site's.

The page's blocks below `file: NAME` are the repository; what `console` blocks show is typed there. The other site has
another name, and the same files with another record in them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.helpers.console import BLOCK, matches, typed
from tests.helpers.fresh_environments import FreshEnvironment, uv
from tests.helpers.paths import ROOT
from tests.helpers.type_checkers import STRICT_CACHE

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "how-to" / "site-repository.md").read_text(encoding="utf-8")
OTHER = {"b18": "b21", "BL18I": "BL21I", "PRESSURE": "HUMIDITY", "pressure": "humidity"}
"""What the other site calls things."""
GIT = "git -c user.name=Someone -c user.email=someone@example.org"


def files() -> dict[str, str]:
    """Give the files of the page's repository."""
    named = ((block["said"] or "", block["text"]) for block in BLOCK.finditer(PAGE))
    return {said.removeprefix("file: "): text for said, text in named if said.startswith("file: ")}


def of_other_site(text: str) -> str:
    return re.sub("|".join(OTHER), lambda found: OTHER[found[0]], text)


def written(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with beamwright's wheel."""
    folder = tmp_path_factory.mktemp("wheels")
    return built(ROOT, folder).parent


def built(repository: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, repository]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The repositories of the page's site and of another, generated."""
    folder = tmp_path_factory.mktemp("sites")
    texts = files()
    others = {of_other_site(name): of_other_site(text) for name, text in texts.items()}
    made = {"b18": written(folder / "b18", texts), "b21": written(folder / "b21", others)}
    for site in made.values():
        generate = [sys.executable, "-m", "beamwright_generator.cli", "beamline", "--quiet"]
        subprocess.run(generate, cwd=site, check=True, timeout=120)
    return made


def pipelines(folder: Path) -> dict[str, list[str]]:
    """Give the commands of each pipeline of a site."""
    yaml = YAML(typ="safe")
    (github,) = yaml.load(folder / ".github" / "workflows" / "beamline.yml")["jobs"].values()
    (gitlab,) = yaml.load(folder / ".gitlab-ci.yml").values()
    return {"GitHub": [step["run"] for step in github["steps"] if "run" in step], "GitLab": gitlab["script"]}


def commit(folder: Path, subject: str) -> str:
    return f"git add --all && {GIT} commit --quiet --message '{subject}'"


@pytest.fixture
def b18(tmp_path: Path, wheels: Path) -> tuple[FreshEnvironment, Path]:
    """An environment, and the page's repository in which its commands were typed, committed on the main branch."""
    fresh = FreshEnvironment(tmp_path / "environment", wheels, "beamwright[twin]", "mypy", "pre-commit", "pytest")
    fresh.variables["MYPY_CACHE_DIR"] = str(STRICT_CACHE)
    folder = written(tmp_path / "b18", files())
    assert fresh.run("git init --quiet", folder) == ("", 0)
    for block in BLOCK.finditer(PAGE):
        for command, expected in typed(block["text"]) if block["language"] == "console" else ():
            shown, code = fresh.run(command, folder)
            assert code == 0, f"`{command}` ends with {code}:\n{shown}"
            assert matches(expected, shown), f"`{command}` shows:\n{shown}"
    on_main = f"{commit(folder, 'Begin')} && git update-ref refs/remotes/origin/main HEAD"
    assert fresh.run(on_main, folder) == ("", 0)
    return fresh, folder


def test_the_pipeline_passes_and_stops_a_plan_that_does_not_fit(b18: tuple[FreshEnvironment, Path]) -> None:
    fresh, folder = b18
    _, check, diff, mypy, _ = pipelines(folder)["GitHub"]
    for command in pipelines(folder)["GitHub"]:
        shown, code = fresh.run(command, folder)
        assert code == 0, f"`{command}` ends with {code}:\n{shown}"

    fresh.run("sed -i s/PRESSURE/VACUUM/ ioc/gauge.template", folder)
    shown, code = fresh.run(check, folder)
    assert code == 1, shown
    assert fresh.run(f"gen beamline --quiet && {commit(folder, 'Rename')} && {check}", folder) == ("", 0)
    shown, _ = fresh.run(diff, folder)
    assert "plans/b18_plans/__init__.py" in shown
    shown, code = fresh.run(mypy, folder)
    assert '"Gauge" has no attribute "pressure"' in shown
    assert code == 1


def test_both_pipelines_run_the_same(sites: dict[str, Path]) -> None:
    commands = pipelines(sites["b18"])
    assert commands["GitHub"] == commands["GitLab"]


SHOW = """
import json, sys
from importlib import import_module
from importlib.util import find_spec

found = {}
for site in filter(lambda name: find_spec(f"{name}_devices"), ["b18", "b21"]):
    gauge = import_module(f"{site}_devices.beamlines.{site}").va_gauge_01()
    plans = import_module(f"{site}_plans")
    origins = [sys.modules[type(gauge).__module__].__file__, plans.__file__]
    found[site] = {"signals": [name for name, _ in gauge.children()], "origins": origins}
names = ["beamwright_generator", "beamwright_runtime", "beamwright_templates"]
found["beamwright"] = [import_module(name).__file__ for name in names]
found["example"] = find_spec("beamwright_generated") is not None
print(json.dumps(found))
"""
SIGNALS = {"b18": ["pressure", "cathode"], "b21": ["humidity", "cathode"]}


def imported(fresh: FreshEnvironment, folder: Path, places: dict[str, Path]) -> dict[str, list[str]]:
    """Import the sites that are installed; give the signals of each one's gauge.

    :param places: where each site, and what is not a site's, has to come from.
    """
    (folder / "show.py").write_text(SHOW, encoding="utf-8")
    shown, code = fresh.run("python show.py", folder)
    assert code == 0, shown
    found = json.loads(shown)
    assert not found.pop("example")
    origins = {"beamwright": found.pop("beamwright")} | {site: one["origins"] for site, one in found.items()}
    for name, paths in origins.items():
        assert [path for path in paths if not Path(path).is_relative_to(places[name])] == []
    return {site: one["signals"] for site, one in found.items()}


@pytest.fixture(params=["pip", "uv"])
def pip(request: pytest.FixtureRequest) -> str:
    """The command that is `pip`, of pip and of uv."""
    if request.param == "uv":
        return f"{uv()} pip" if uv() else pytest.skip("uv is not installed")
    return "pip"


@pytest.mark.parametrize("option", ["", "--editable"], ids=["regular", "editable"])
def test_two_sites_stand_beside_each_other_and_beamwright(
    pip: str, option: str, sites: dict[str, Path], wheels: Path, tmp_path: Path
) -> None:
    fresh = FreshEnvironment(tmp_path / "environment", wheels, "beamwright[live]")
    b18, b21 = sites.values()
    installed = {"beamwright": fresh.folder, "b18": fresh.folder, "b21": fresh.folder}
    places = installed | sites if option else installed

    shown, code = fresh.run(f"{pip} install {option} {b18} {option} {b21}", tmp_path)
    assert code == 0, shown
    assert imported(fresh, tmp_path, places) == SIGNALS

    yes = "--yes" * (pip == "pip")
    changes = f"{pip} install --force-reinstall --no-deps beamwright && {pip} uninstall {yes} b21-beamline"
    shown, code = fresh.run(changes, tmp_path)
    assert code == 0, shown
    assert imported(fresh, tmp_path, places) == {"b18": SIGNALS["b18"]}


def packages(wheel: Path) -> set[str]:
    """Give the names that a wheel adds to what can be imported."""
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    return {name for name in top if not name.endswith(".dist-info")}


def test_each_wheel_has_only_what_is_its_own(sites: dict[str, Path], wheels: Path, tmp_path: Path) -> None:
    (beamwright,) = wheels.glob("*.whl")
    assert packages(beamwright) == {
        "beamwright_generator",
        "beamwright_runtime",
        "beamwright_templates",
        "beamwright_twin",
    }
    site = built(sites["b18"], tmp_path)
    assert packages(site) == {"b18_devices", "b18_plans"}
    with zipfile.ZipFile(site) as archive:
        inside = {name for name in archive.namelist() if name.startswith("b18_devices/")}
    generated = sites["b18"] / "generated"
    assert inside == {path.relative_to(generated).as_posix() for path in paths(generated)}


def paths(folder: Path) -> Iterator[Path]:
    """Give the files of a folder that git would keep."""
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def test_fixers_of_pre_commit_leave_generated_code_and_nothing_else_alone(sites: dict[str, Path]) -> None:
    site = sites["b18"]
    names = {path.relative_to(site).as_posix() for path in paths(site)}
    generated = {name for name in names if name.startswith("generated/")}
    hooks = [hook for one in YAML(typ="safe").load(site / ".pre-commit-config.yaml")["repos"] for hook in one["hooks"]]
    excluded = {
        hook["id"]: {name for name in names if re.search(hook["exclude"], name)} for hook in hooks if "exclude" in hook
    }
    assert excluded == dict.fromkeys(("pyupgrade", "trailing-whitespace", "end-of-file-fixer"), generated)
    (watched,) = (hook["files"] for hook in hooks if hook["id"] == "beamline")
    described = {"beamline.yaml", "ioc/st.cmd", "ioc/gauge.template"}
    assert {name for name in names if re.search(watched, name)} == generated | described


def test_the_pre_commit_file_is_valid(sites: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", sites["b18"] / ".pre-commit-config.yaml"]
    subprocess.run(command, check=True, timeout=60)
