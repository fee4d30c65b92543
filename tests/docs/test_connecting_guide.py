"""Every snippet of docs/connecting.md runs, and is well typed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.helpers.paths import ROOT
from tests.helpers.type_checkers import mypy_faults

pytestmark = pytest.mark.long

GUIDE = ROOT / "docs" / "connecting.md"
SNIPPETS = re.findall(r"^## (.+?)$|^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)

WITHOUT_HARDWARE = """
import json, os, signal, sys, tempfile
from pathlib import Path
from bluesky import RunEngine
from ophyd_async.core import StaticFilenameProvider, StaticPathProvider
from beamwright_generated.beamlines import x01
x01.devices.mock = True
ended = {}
for name, code in json.load(sys.stdin).items():
    with tempfile.TemporaryFile() as said:
        pid = os.fork()
        if not pid:
            signal.alarm(60)
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            exec(code, {"__name__": "__main__"})
            sys.exit()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        ended[name] = (code, said.read().decode())
json.dump(ended, sys.stdout)
"""
"""Runs each snippet in a process of its own, which has imported already what takes long."""


def snippets() -> list[ParameterSet]:
    found: list[ParameterSet] = []
    title = ""
    for heading, code in SNIPPETS:
        title = heading or title
        if code:
            found.append(pytest.param(code, id=f"{title}-{sum(str(each.id).startswith(title) for each in found) + 1}"))
    return found


@pytest.fixture(scope="module")
def ended() -> dict[str, tuple[int, str]]:
    """The exit code of each snippet, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_HARDWARE],
        input=json.dumps({str(snippet.id): snippet.values[0] for snippet in snippets()}),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", [str(snippet.id) for snippet in snippets()])
def test_a_snippet_runs(name: str, ended: dict[str, tuple[int, str]]) -> None:
    code, printed = ended[name]
    assert code == 0, printed


def test_all_snippets_are_well_typed(tmp_path: Path) -> None:
    files = [tmp_path / f"snippet_{number}.py" for number in range(len(snippets()))]
    for file, snippet in zip(files, snippets(), strict=True):
        file.write_text(snippet.values[0])
    assert mypy_faults(*files) == []
