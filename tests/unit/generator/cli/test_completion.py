"""Completion in shells: the script of each, and what it is told of commands, options and beamlines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from beamwright_generator.cli.gen import main

GEN = Path(sys.executable).parent / "gen"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A repository with two generated beamlines."""
    (tmp_path / "pyproject.toml").touch()
    modules = tmp_path / "generated" / "beamwright_generated" / "beamlines"
    modules.mkdir(parents=True)
    for name in ("__init__", "x01", "x02"):
        (modules / f"{name}.py").touch()
    (modules.parent / "_manifest.json").touch()
    (tmp_path / "x03.yaml").touch()
    return tmp_path


def completed(words: str, folder: Path) -> list[str]:
    """Give what bash is told when the last of these words is to be completed."""
    said = subprocess.run(
        [GEN],
        cwd=folder,
        env={**os.environ, "_GEN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line.partition(",")[2] for line in said.stdout.splitlines()]


def test_beamlines_are_offered_by_name(site: Path) -> None:
    assert [word for word in completed("gen beamline x", site) if word.startswith("x0")] == ["x01", "x02"]


def test_commands_and_options_are_offered(site: Path) -> None:
    assert completed("gen be", site) == ["beamline"]
    assert completed("gen beamline --ch", site) == ["--check"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    said = CliRunner().invoke(main, ["completion"], env={"SHELL": f"/bin/{shell}"})
    assert said.exit_code == 0
    assert f"_GEN_COMPLETE={shell}_complete" in said.stdout
    assert said.stdout == CliRunner().invoke(main, ["completion", shell]).stdout


def test_bash_takes_the_script() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    told = subprocess.run(
        [bash, "-c", f"{script}\ncomplete -p gen"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "_gen_completion" in told.stdout


def test_an_unknown_shell_has_to_be_named() -> None:
    said = CliRunner().invoke(main, ["completion"], env={"SHELL": "/bin/ksh"})
    assert said.exit_code == 2
    assert "gen completion bash|zsh|fish" in said.output
