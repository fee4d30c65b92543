"""What mypy and basedpyright say of files: strictly as anybody may run them, or with the settings of this repository.

A run takes long for what it imports, and not for what it checks. So give several files to one run, and let runs of the
same settings share what mypy keeps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.helpers.paths import ROOT

STRICT_CACHE = ROOT / ".mypy_cache" / "strict"
TIMEOUT = 280


class Fault(NamedTuple):
    """One error, with the line it is in, from 1."""

    file: str
    line: int
    message: str
    code: str


def strict_mypy(folder: Path, *names: str, path: Sequence[Path] = ()) -> str:
    """Check modules of a folder with `mypy --strict` and no settings; give what it prints, nothing if it is content.

    :param path: further folders that imports are found in.
    """
    settings = ("--strict", "--config-file=", "--no-error-summary", f"--cache-dir={STRICT_CACHE}")
    environment = {"MYPYPATH": os.pathsep.join(map(str, path))} if path else {}
    return _run(["mypy", *settings, *names], folder, environment)


def standard_basedpyright(folder: Path) -> str:
    """Check all of a folder with basedpyright as it is by default for pyright; empty when it is content."""
    config = folder / "pyrightconfig.json"
    config.write_text('{"typeCheckingMode": "standard", "pythonVersion": "3.11"}', encoding="utf-8")
    found = _run(["basedpyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(config)], folder)
    return "".join(f"{fault}\n" for fault in _of_basedpyright(found))


def mypy_faults(*files: Path) -> list[Fault]:
    """Check files with mypy and the settings of this repository."""
    said = _run(["mypy", "--output=json", *map(str, files)], ROOT).splitlines()
    found = [json.loads(line) for line in said if line]  # an empty line is printed where nothing is wrong
    return [
        Fault(Path(one["file"]).name, one["line"], one["message"], one["code"])
        for one in found
        if one["severity"] == "error"
    ]


def basedpyright_faults(*files: Path) -> list[Fault]:
    """Check files with basedpyright and the settings of this repository."""
    return _of_basedpyright(_run(["basedpyright", "--outputjson", *map(str, files)], ROOT))


def _of_basedpyright(found: str) -> list[Fault]:
    return [
        Fault(Path(one["file"]).name, one["range"]["start"]["line"] + 1, one["message"], one.get("rule", ""))
        for one in json.loads(found)["generalDiagnostics"]
        if one["severity"] == "error"
    ]


def _run(arguments: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout
