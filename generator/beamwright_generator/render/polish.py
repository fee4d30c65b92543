"""Text to text, form only: ruff puts imports and `__all__` in order, and lays out lines. Meaning never changes.

ADR 0006 rules here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from beamwright_generator.problems import InternalError

LINE_LENGTH = 120

# Isolated from any configuration, so that every site and machine gets the same bytes.
_ISOLATED = ("--isolated", "--no-cache", "--quiet", "--target-version=py311", f"--config=line-length={LINE_LENGTH}")
_OURS = "--config=lint.isort.known-first-party=['beamwright_*']"
_SORT = ("check", "--select=I001,RUF022", "--fix", "--exit-zero", _OURS)
_LAY_OUT = ("format",)


def polish(files: Mapping[str, str]) -> dict[str, str]:
    """Put modules in form; doing it twice changes nothing.

    :param files: texts by path; other files than modules pass unchanged.
    :raises InternalError: if a text is not Python.
    """
    modules = {path: text for path, text in files.items() if path.endswith(".py")}
    return {**files, **_formatted(modules)} if modules else dict(files)


def protected(files: Mapping[str, str]) -> dict[str, str]:
    """Mark modules, below their header, so that a site's formatters leave every byte of them.

    `black` and ruff keep to ``# fmt: off``, `isort` and ruff to ``# isort: skip_file``. Modules are polished before.
    """
    return {path: _protected(text) if path.endswith(".py") else text for path, text in files.items()}


def _protected(text: str) -> str:
    lines = text.splitlines(keepends=True)
    header = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join([*lines[:header], *_MARKS, *lines[header:]])


_MARKS = ("# isort: skip_file\n", "# fmt: off\n")


def _formatted(modules: Mapping[str, str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="beamwright-") as folder:
        numbered = {path: Path(folder) / f"{number}.py" for number, path in enumerate(modules)}
        for path, text in modules.items():
            numbered[path].write_text(text, encoding="utf-8", newline="\n")
        for command in (_SORT, _LAY_OUT):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", command[0], *_ISOLATED, *command[1:], folder],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise InternalError(f"a template made a module that is not Python: {done.stderr.strip()}")
        return {path: file.read_text(encoding="utf-8") for path, file in numbered.items()}
