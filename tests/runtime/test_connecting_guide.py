"""Every snippet of docs/connecting.md runs, and is well typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.type_checkers import mypy_faults

GUIDE = Path(__file__).parents[2] / "docs" / "connecting.md"
SNIPPETS = re.findall(r"^## (.+?)$|^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)

WITHOUT_HARDWARE = """
from pathlib import Path
from ophyd_async.core import StaticFilenameProvider, StaticPathProvider
from beamwright_generated.beamlines import x01
x01.devices.mock = True
"""


def snippets() -> list[object]:
    found, title = [], ""
    for heading, code in SNIPPETS:
        title = heading or title
        if code:
            found.append(pytest.param(code, id=f"{title}-{sum(str(each.id).startswith(title) for each in found) + 1}"))
    return list(found)


@pytest.mark.parametrize("code", snippets())
def test_a_snippet_runs(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_HARDWARE + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_snippets_are_well_typed(tmp_path: Path) -> None:
    files = [tmp_path / f"snippet_{number}.py" for number in range(len(snippets()))]
    for file, snippet in zip(files, snippets(), strict=True):
        file.write_text(snippet.values[0])  # type: ignore[attr-defined]
    assert mypy_faults(*files) == []
