"""Import directions: what a fresh interpreter has really loaded. The written contracts are for `lint-imports`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CONTROL_STACK = {
    "aioca",
    "beamwright_generated",
    "beamwright_runtime",
    "bluesky",
    "epicscorelibs",
    "ophyd_async",
    "p4p",
}
GENERATOR_TOOLS = {"beamwright_generator", "beamwright_templates", "beamwright_twin", "jinja2", "libcst"}


def loaded_by(statement: str) -> set[str]:
    """Import something in a fresh interpreter and give the top-level names of all modules that are loaded then."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "module", ["beamwright_generator.cli.gen", "beamwright_generator.pipeline", "beamwright_generator.observe.recorder"]
)
def test_generating_loads_no_control_stack(module: str) -> None:
    assert loaded_by(f"import {module}") & CONTROL_STACK == set()


def test_running_loads_no_generator() -> None:
    assert loaded_by("import beamwright_runtime, beamwright_generated") & GENERATOR_TOOLS == set()


def test_templates_hold_no_code(repository: Path) -> None:
    folder = repository / "templates" / "beamwright_templates"
    assert {path.name for path in folder.rglob("*.py")} == {"__init__.py"}
    assert loaded_by("import beamwright_templates") & (CONTROL_STACK | GENERATOR_TOOLS) == {"beamwright_templates"}
