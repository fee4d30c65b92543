"""The tutorial is true: each of its commands is run in an empty folder, and prints what the page shows.

A comment before a fenced block says what it is: `file: NAME`, it is written to that file; `second terminal`, its
command runs beside the others until all is done. In `console` blocks, lines with `$ ` are typed, and what stands below
is what is shown; `...` stands for anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.helpers.console import BLOCK, matches, typed
from tests.helpers.paths import ROOT

pytestmark = [pytest.mark.live, pytest.mark.long]

TUTORIAL = ROOT / "docs" / "tutorial.md"
DONE = "-- done --"


class Terminal:
    """A shell that somebody types into."""

    def __init__(self, shell: subprocess.Popen[str]) -> None:
        self._shell = shell

    def type(self, command: str) -> tuple[str, int]:
        """Run a command; give what is shown and its exit code."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\necho '{DONE}' $?\n")
        self._shell.stdin.flush()
        shown: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(DONE):
                return "".join(shown), int(line.removeprefix(DONE))
            shown.append(line)
        raise RuntimeError(f"the shell ended at `{command}`:\n{''.join(shown)}")


def environment(home: Path) -> dict[str, str]:
    """Give what a new user's shell has, with this project installed."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "BEAMWRIGHT": str(ROOT),
    }


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """Open a shell in a folder."""
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        try:
            yield Terminal(shell)
        finally:
            assert shell.stdin is not None
            shell.stdin.close()


@contextmanager
def running(command: str, shown: str, folder: Path) -> Iterator[None]:
    """Run a command in a terminal of its own, from when it has shown so many lines until all is done."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in shown.splitlines()]
            assert matches(shown, "".join(lines))
            yield
        finally:
            process.terminate()


@pytest.mark.timeout(300)
def test_every_command_shows_what_the_page_shows(tmp_path: Path) -> None:
    folder = tmp_path / "b01"
    with ExitStack() as stack:
        shell = stack.enter_context(terminal(tmp_path))
        for block in BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8")):
            said, text = block["said"] or "", block["text"]
            if said.startswith("file: "):
                (folder / said.removeprefix("file: ")).write_text(text, encoding="utf-8")
            elif said == "second terminal":
                ((command, expected),) = typed(text)
                stack.enter_context(running(command, expected, folder))
            elif block["language"] == "console":
                for command, expected in typed(text):
                    shown, code = shell.type(command)
                    assert matches(expected, shown), f"`{command}` shows:\n{shown}"
                    assert (code == 0) == ("# fails" not in command), f"`{command}` ends with {code}:\n{shown}"
