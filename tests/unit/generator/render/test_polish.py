"""Form only: imports and names in order, lines laid out, meaning as it was."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from beamwright_generator.problems import InternalError
from beamwright_generator.render.polish import polish

HEAD = '''\
"""Docstring."""

from __future__ import annotations

from beamwright_runtime import RecordDevice, Motor
from typing import Annotated as A
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.core import SignalRW, Array1D, SignalR, non_zero
import numpy as np
from beamwright_generated.devices.ad_base import ADBase
from collections.abc import Sequence

__all__ = ["b", "B", "An10", "An9", "CONSTANT"]
'''

POLISHED = '''\
"""Docstring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated as A

import numpy as np
from ophyd_async.core import Array1D, SignalR, SignalRW, non_zero
from ophyd_async.core import StandardReadableFormat as Format

from beamwright_generated.devices.ad_base import ADBase
from beamwright_runtime import Motor, RecordDevice

__all__ = ["CONSTANT", "An9", "An10", "B", "b"]
'''


def test_imports_and_exports_are_put_in_order() -> None:
    assert polish({"x.py": HEAD})["x.py"] == POLISHED


def test_an_import_of_a_module_keeps_its_comment() -> None:
    text = "import numpy  # noqa: F401 - a reason\n"
    assert polish({"x.py": f"{text}import ast\n"})["x.py"] == f"import ast\n\n{text}"


def test_the_body_is_laid_out_and_means_the_same() -> None:
    body = "\nclass   X( RecordDevice ) :\n    'Doc.'\n    a : A[SignalR[float],Format.X]\n    b='''x'''\n"
    text = polish({"x.py": HEAD + body})["x.py"]
    assert text.startswith(POLISHED)
    assert 'class X(RecordDevice):\n    "Doc."\n' in text or 'class X(RecordDevice):\n    """Doc."""\n' in text
    before, after = ast.parse(HEAD + body), ast.parse(text)
    assert ast.dump(before.body[-1]) == ast.dump(after.body[-1])


def test_a_module_without_imports_or_exports_stays() -> None:
    assert polish({"x.py": '"""Doc."""\n'}) == {"x.py": '"""Doc."""\n'}
    assert polish({"x.py": ""}) == {"x.py": ""}


def test_other_files_pass_unchanged() -> None:
    assert polish({"py.typed": "", "_manifest.json": "{ }"}) == {"py.typed": "", "_manifest.json": "{ }"}
    assert polish({}) == {}


def test_lines_are_as_long_as_the_repository_wants(repository: Path) -> None:
    long = "x = [" + ", ".join(f'"{n:08}"' for n in range(10)) + "]\n"
    text = polish({"x.py": long})["x.py"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", f"--config={repository}/pyproject.toml", "--no-cache", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == text


@pytest.mark.parametrize("text", ["class :\n", "x = (\n", 'x = "\n', "import\n", "  x = 1\n"])
def test_what_is_no_python_is_refused(text: str) -> None:
    with pytest.raises(InternalError):
        polish({"x.py": text})


def test_what_is_no_python_behind_the_exports_is_refused() -> None:
    with pytest.raises(InternalError):
        polish({"x.py": HEAD + "class :\n"})
