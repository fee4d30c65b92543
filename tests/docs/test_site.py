"""The pages build as a site, and a site's pipelines run what there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from beamwright_generator.cli.gen import main
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.long

PIPELINES = sorted((ROOT / "examples" / "ci").glob("*.yml"))


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(ROOT / "docs"), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "cli.html").read_text(encoding="utf-8")
    assert [name for name in main.commands if f'id="gen-{name}"' not in commands] == []
    runtime = (tmp_path / "runtime.html").read_text(encoding="utf-8")
    assert 'id="beamwright_runtime.plans.ensure_connected"' in runtime


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_pipelines_call_commands_and_options_that_exist(pipeline: Path) -> None:
    text = pipeline.read_text(encoding="utf-8")
    assert YAML(typ="safe").load(text)
    called = [shlex.split(line) for line in re.findall(r"(?<=[ -])gen ((?!erated)[^|\n]+)", text)]
    assert called
    for name, *arguments in called:
        command = main.commands[name]
        with click.Context(command, info_name=name) as context:
            command.parse_args(context, arguments)
