"""A site's formatters and linters over its whole repository leave what is generated as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.unit.generator.changes.changed_site import gen

PACKAGE = "generated/beamwright_generated"
UGLY = """from typing import Any
import sys, os
def f( x ):
    # A line that is too long for whoever likes lines that are short, and that some linters would like to say so.
    return { 'a':x, 'b':Any, 'c': [ os, sys ] }
"""

SETTINGS = """
[tool.ruff]
line-length = 88

[tool.ruff.lint]
select = ["ALL"]

[tool.ruff.format]
quote-style = "single"

[tool.black]
line-length = 60
skip-magic-trailing-comma = true

[tool.isort]
force_single_line = true
line_length = 60
"""

TOOLS = {
    "ruff format": ("ruff", "format", "."),
    "ruff check": ("ruff", "check", "--fix", "--unsafe-fixes", "--exit-zero", "."),
    "black": ("black", "--quiet", "."),
    "isort": ("isort", "--quiet", "."),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the example's descriptions, generated."""
    folder = tmp_path_factory.mktemp("site")
    example = ROOT / "examples/x01"
    shutil.copytree(example, folder / "x01", ignore=shutil.ignore_patterns("*.py"))
    (folder / "pyproject.toml").write_text(SETTINGS)
    done = gen(folder, "beamline", "x01/beamline.yaml", "--quiet")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("tool", TOOLS)
def test_a_formatter_with_settings_of_its_own(site: Path, tool: str) -> None:
    before = {path: path.read_bytes() for path in sorted((site / PACKAGE).rglob("*.py"))}
    assert len(before) > 10
    ugly = site / "plans.py"
    ugly.write_text(UGLY)
    subprocess.run([sys.executable, "-m", *TOOLS[tool]], cwd=site, check=True, timeout=120)
    assert ugly.read_text() != UGLY, f"{tool} did nothing at all"
    assert {path: path.read_bytes() for path in sorted((site / PACKAGE).rglob("*.py"))} == before
    assert gen(site, "beamline", "x01/beamline.yaml", "--check").returncode == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_formatters_that_are_given_the_files_and_settings(site: Path, tool: str, tmp_path: Path) -> None:
    """As pre-commit calls them: with names of files; and with settings that hide those of the package."""
    settings = tmp_path / "ruff.toml"
    settings.write_text("line-length = 60\n")
    forced = ("--config", str(settings)) if tool == "ruff format" else ()
    files = [str(path) for path in sorted((site / PACKAGE).rglob("*.py"))]
    subprocess.run([sys.executable, "-m", *TOOLS[tool][:-1], *forced, *files], cwd=site, check=True, timeout=120)
    assert gen(site, "beamline", "x01/beamline.yaml", "--check").returncode == 0


def test_a_linter_finds_nothing_to_say_about_what_is_generated(site: Path) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, timeout=120, check=False)
    assert "generated" not in done.stdout
