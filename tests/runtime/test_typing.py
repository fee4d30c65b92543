"""mypy strict and basedpyright accept generated code without an ignore, and refuse its wrong use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = [HERE / f"{name}.py" for name in ("example_devices", "typed_beamline", "typed_plans", "typed_flying")]


def mypy(repository: Path) -> set[tuple[str, int]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--output=json", *map(str, FILES)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return {(Path(fault["file"]).name, fault["line"]) for fault in found if fault["severity"] == "error"}


def basedpyright(repository: Path) -> set[tuple[str, int]]:
    command = [sys.executable, "-m", "basedpyright", "--outputjson", *map(str, FILES)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {
        (Path(fault["file"]).name, fault["range"]["start"]["line"] + 1)
        for fault in found
        if fault["severity"] == "error"
    }


@pytest.mark.parametrize("checker", [mypy, basedpyright])
def test_exactly_the_wrong_uses_are_refused(checker: object, repository: Path) -> None:
    assert callable(checker)
    expected = {
        (file.name, number)
        for file in FILES
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if line.endswith("# refused")
    }
    assert checker(repository) == expected
