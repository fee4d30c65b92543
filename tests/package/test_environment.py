"""The door: the scripts that make the environment, the pipeline, and the Pythons that are promised and tested."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

pytestmark = pytest.mark.long

TOOLS = "/usr/local/bin:/usr/bin:/bin"


def yaml(path: Path) -> dict[str, object]:
    content = YAML(typ="safe").load(path)
    assert isinstance(content, dict)
    return content


def copied(repository: Path, folder: Path, *names: str) -> Path:
    """A checkout with these files alone, in which a script may make and remove environments."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, folder / name)
    return folder


def bash(script: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", script], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["scripts/environment.sh", "scripts/refresh_constraints.sh", ".ci/run"])
def test_scripts_are_read_by_bash_without_complaint(repository: Path, name: str) -> None:
    done = subprocess.run(["bash", "-n", repository / name], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(repository / name, os.X_OK)


def test_the_pythons_that_are_promised_are_those_that_are_tested(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: "
    promised = [text.removeprefix(prefix) for text in project["classifiers"] if text.startswith(prefix)]
    assert project["requires-python"] == f">={promised[0]}"

    script = (repository / "scripts" / "environment.sh").read_text()
    (tested,) = re.findall(r'^tested="(.*)"$', script, re.MULTILINE)
    assert tested.split() == promised
    assert set(re.findall(r"python(3\.\d+)", script)) == set(promised)

    workflow = YAML(typ="safe").load(repository / ".github" / "workflows" / "test.yml")
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == promised
    assert job["steps"][-1]["run"] == "make test PYTHON=python${{ matrix.python }}"
    assert job["strategy"]["fail-fast"] is False


def test_issue_forms_ask_for_something_and_say_what_they_are(repository: Path) -> None:
    forms = sorted((repository / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert forms
    for form in forms:
        content = yaml(form)
        assert {"name", "description", "body"} <= content.keys(), form.name
        body = content["body"]
        assert isinstance(body, list)
        ids = [field["id"] for field in body]
        assert len(ids) == len(set(ids)), form.name
        assert any(field.get("validations", {}).get("required") for field in body), form.name


def test_the_pipeline_leaves_this_machines_settings_behind(repository: Path, tmp_path: Path) -> None:
    clone = copied(repository, tmp_path / "clone", ".ci/run")
    (clone / ".venv").mkdir()
    seen = tmp_path / "seen"
    executable(tmp_path / "bin" / "make", f'env >"{seen}"; ls -A "$HOME" >>"{seen}"; echo "make $*"')
    settings = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_CONSTRAINT": str(tmp_path / "constraints.txt"),
        "UV_FIND_LINKS": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
    }
    network = {"https_proxy": "http://127.0.0.1:9", "NO_PROXY": "localhost", "SSL_CERT_FILE": str(tmp_path / "ca")}
    done = bash(clone / ".ci" / "run", PATH=f"{tmp_path / 'bin'}:{TOOLS}", **settings, **network)
    assert (done.returncode, done.stdout) == (0, "make test\n"), done.stderr
    assert not (clone / ".venv").exists()

    names, values = zip(*(line.split("=", 1) for line in seen.read_text().splitlines()), strict=True)
    environment = dict(zip(names, values, strict=True))
    assert network.items() <= environment.items()
    assert environment["CI"] == "true"
    assert environment["PIP_CONFIG_FILE"] == "/dev/null"
    home = Path(environment["HOME"])
    assert home != tmp_path
    assert not home.exists(), "the empty home folder is removed"
    assert set(settings) & set(environment) == {"HOME"}
    assert [value for value in values if value == str(tmp_path)] == []


def test_the_pipeline_fails_where_the_tests_fail(repository: Path, tmp_path: Path) -> None:
    clone = copied(repository, tmp_path / "clone", ".ci/run")
    executable(tmp_path / "bin" / "make", "exit 2")
    assert bash(clone / ".ci" / "run", PATH=f"{tmp_path / 'bin'}:{TOOLS}", HOME=str(tmp_path)).returncode == 2


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A checkout of a project that needs one package, where this Python can make environments."""
    pytest.importorskip("ensurepip", exc_type=ImportError)
    checkout = copied(repository, tmp_path / "checkout", "scripts/environment.sh")
    (checkout / "constraints.txt").write_text("anything==1.0\n")
    (checkout / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["anything"]\nbuild-backend = "anything"\n[project]\nname = "x"\nversion = "1"\n'
    )
    return checkout


def environment(checkout: Path, python: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the script with an index that nobody serves, and as a user who cannot install packages of the system."""
    executable(checkout / "bin" / "id", "echo 1000")
    nothing = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1"}
    path = f"{checkout / 'bin'}:{TOOLS}"
    return bash(
        checkout / "scripts" / "environment.sh",
        PATH=path,
        HOME=str(checkout),
        PYTHON=str(python),
        **nothing,
        **settings,
    )


def test_without_a_network_one_line_says_so(checkout: Path) -> None:
    done = environment(checkout, sys.executable)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("environment: packages are missing, and the package index cannot be reached: ")
    assert line.endswith("Connection refused")


def test_a_python_that_is_not_there_is_named_and_the_environment_stays(checkout: Path) -> None:
    kept = executable(checkout / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    done = environment(checkout, "python2.99")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "no Python 3.11 3.12 3.13 is found as: python2.99" in line
    assert kept.exists()


def test_a_python_that_cannot_make_environments_asks_for_what_root_installs(checkout: Path) -> None:
    refuse = '[ "$2" = venv ] && { echo no ensurepip >&2; exit 1; }'
    bare = executable(checkout / "bin" / "bare", f'{refuse}\nexec "{sys.executable}" "$@"')
    done = environment(checkout, bare)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(bare) in line
    assert line.endswith("root can: apt-get install python3-venv")
    assert not (checkout / ".venv").exists()


def test_another_python_gets_an_environment_of_its_own(checkout: Path) -> None:
    other = f"""case "$2" in *base_prefix*) echo 3.12.99 /elsewhere ;; *) exec "{sys.executable}" "$@" ;; esac"""
    executable(checkout / ".venv" / "bin" / "python", other)
    first = environment(checkout, sys.executable).stdout
    assert "and is made anew" in first
    assert "made .venv with Python" in first
    second = environment(checkout, sys.executable).stdout
    assert "made" not in second
