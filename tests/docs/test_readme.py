"""The README, the tour and the reference say what is true: outputs are real, excerpts stand in files, code passes mypy.

A comment before a fenced block says what it is:

- `from: FILE`: it stands in that file of the repository; `...` leaves lines out;
- `output: COMMAND`: all that a terminal shows of the command, in a copy of the example without generated code;
- `typed`: lines with `$ ` are typed there one after another, what stands below is what is shown, `...` is anything, and
  `^C` interrupts a command that runs until then;
- `panda: COMMAND`: the same, while the PandA-like box of the example runs;
- `stdout: COMMAND`: what goes into a file or a pipe;
- `until interrupted: COMMAND`: all that a terminal shows of a command that runs until then, with other ports;
- `checked by mypy`: Python that mypy accepts;
- `demo: make demo`: a part of what that shows, with other numbers (see test_demo.py).

Each document has a copy of its own. `change: FILE: OLD -> NEW` changes a file of it before the next command, and
`fresh` starts with a new copy in which the example is generated.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.helpers.console import INTERRUPT, matches, typed, without_ports
from tests.helpers.paths import ROOT
from tests.helpers.pvi_servers.served import Served
from tests.helpers.type_checkers import mypy_faults

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
RULES = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
CHANGES = (ROOT / "docs" / "changes.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"((?:^<!-- [^\n]+ -->\n)+)^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^<!-- (.+) -->$", re.MULTILINE)
BIN = Path(sys.executable).parent
EMPTY: Mapping[str, str] = MappingProxyType({})


def steps(document: str) -> Iterator[tuple[str, str, str]]:
    """Give the kind of each comment before a block, what else it says, and the block."""
    for comments, text in BLOCK.findall(document):
        for comment in COMMENT.findall(comments):
            kind, _, said = comment.partition(": ")
            yield kind, said, text


def environment() -> Mapping[str, str]:
    cache = ROOT / ".mypy_cache"
    return os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "MYPY_CACHE_DIR": str(cache)}


def copy_example(folder: Path) -> Path:
    """Give a repository of its own with the example's descriptions and plans."""
    for part in ("x01", "plans"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "examples" / part, folder / "examples" / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def printed(command: str, folder: Path, *, on_terminal: bool = True, more: Mapping[str, str] = EMPTY) -> str:
    """Give all that a terminal shows of a command, or its standard output alone.

    :param more: further environment variables.
    """
    shown, _ = ran(command, folder, on_terminal=on_terminal, more=more)
    return shown


def ran(command: str, folder: Path, *, on_terminal: bool = True, more: Mapping[str, str] = EMPTY) -> tuple[str, int]:
    """Give what a command prints, and its exit code."""
    done = subprocess.run(
        shlex.split(command),
        cwd=folder,
        env={**environment(), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if on_terminal else subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout, done.returncode


def ran_until_interrupted(command: str, folder: Path, last: str) -> tuple[str, int]:
    """Give what a terminal shows of a command, and its exit code.

    It is interrupted after the line that begins like `last`, whatever else that line says.
    """
    with subprocess.Popen(
        shlex.split(command),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        assert running.stdout is not None
        shown: list[str] = []
        try:
            for line in running.stdout:
                shown.append(line)
                if line.partition(":")[0] == last.partition(":")[0]:
                    break
        finally:
            running.send_signal(signal.SIGINT)
        shown += running.stdout.readlines()
    return "".join(shown), running.returncode


def last_line(text: str) -> str:
    return text.splitlines(keepends=True)[-1]


def check_typed(text: str, folder: Path) -> int:
    """Type the commands of a block, compare what each shows, and give their number."""
    commands = list(typed(text))
    for command, expected in commands:
        if expected.endswith(INTERRUPT):
            expected = expected.removesuffix(INTERRUPT)
            shown, code = ran_until_interrupted(command, folder, last_line(expected))
        else:
            shown, code = ran(command, folder)
        assert matches(without_ports(expected), without_ports(shown)), f"`{command}` shows:\n{shown}"
        assert code == 0, f"`{command}` ends with {code}"
    return len(commands)


def test_every_comment_stands_before_a_block() -> None:
    kinds = [kind for kind, _, _ in (*steps(README), *steps(TOUR), *steps(RULES))]
    assert len(kinds) == len(COMMENT.findall(README + TOUR + RULES))
    assert set(kinds) == {
        "from",
        "output",
        "typed",
        "panda",
        "stdout",
        "change",
        "fresh",
        "checked by mypy",
        "until interrupted",
        "demo",
    }


@pytest.mark.live
@pytest.mark.long
@pytest.mark.parametrize(("document", "outputs"), [(README, 5), (TOUR, 5)], ids=["README", "tour"])
def test_outputs_are_what_the_commands_print(document: str, outputs: int, tmp_path: Path) -> None:
    folder = copy_example(tmp_path / "1")
    shown = 0
    for kind, said, text in steps(document):
        if kind == "fresh":
            folder = copy_example(tmp_path / "2")
            printed("gen beamline examples/x01/beamline.yaml --quiet", folder)
        elif kind == "change":
            file, _, change = said.partition(": ")
            old, _, new = change.partition(" -> ")
            before = (folder / file).read_text(encoding="utf-8")
            assert old in before, said
            (folder / file).write_text(before.replace(old, new), encoding="utf-8")
        elif kind in ("output", "stdout"):
            assert printed(said, folder, on_terminal=kind == "output") == text, f"`{said}` prints something else"
            shown += 1
        elif kind == "typed":
            shown += check_typed(text, folder)
        elif kind == "panda":
            with Served("example_box.py", "BL01X-EA-PANDA-01:", "same") as box:
                assert printed(said, folder, more=box.environment) == text, f"`{said}` prints something else"
            shown += 1
        elif kind == "until interrupted":
            printed_so_far, code = ran_until_interrupted(said, folder, last_line(text))
            assert without_ports(printed_so_far) == without_ports(text), f"`{said}` prints something else"
            assert code == 0
            shown += 1
    assert shown == outputs


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (said, text)
        for kind, said, text in (*steps(README), *steps(TOUR), *steps(RULES), *steps(CHANGES))
        if kind == "from"
    ],
)
def test_excerpts_stand_in_their_files(file: str, text: str) -> None:
    whole = (ROOT / file).read_text(encoding="utf-8")
    at = 0
    for part in text.split("...\n"):
        assert part in whole[at:], f"{file} has not, after what is shown before:\n{part}"
        at = whole.index(part, at) + len(part)


@pytest.mark.long
def test_code_passes_mypy(tmp_path: Path) -> None:
    files = []
    for number, text in enumerate(
        text for kind, _, text in (*steps(README), *steps(TOUR)) if kind == "checked by mypy"
    ):
        files.append(tmp_path / f"snippet_{number}.py")
        files[-1].write_text(text, encoding="utf-8")
    assert len(files) >= 2
    assert mypy_faults(*files) == []


@pytest.mark.parametrize("document", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_two_commands_are_targets(target: str) -> None:
    assert f"    make {target} " in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
