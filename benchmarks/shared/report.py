"""What every benchmark does with its figures, and how a command's time and memory are measured."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MIB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Figure:
    """One measured number.

    :param target: what it should be, in words, such as "under 10"; empty if nothing is asked of it.
    """

    name: str
    value: float
    meaning: str
    target: str = ""


def parser(description: str) -> argparse.ArgumentParser:
    """Return the argument parser that all benchmarks start from."""
    arguments = argparse.ArgumentParser(
        f"python -m benchmarks.{Path(sys.argv[0]).parent.name}", description=description
    )
    arguments.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    return arguments


def report(title: str, figures: Sequence[Figure], json_file: Path | None) -> None:
    """Print a table for people and write the figures for programs."""
    print(title)
    names = max(len(figure.name) for figure in figures)
    values = max(len(_shown(figure.value)) for figure in figures)
    for figure in figures:
        target = f" ({figure.target})" if figure.target else ""
        print(f"  {figure.name:<{names}}  {_shown(figure.value):>{values}}  {figure.meaning}{target}")
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        document = {"figures": {figure.name: figure.value for figure in figures}}
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def progress(message: str) -> None:
    """Tell what is being measured, apart from the results."""
    print(f"... {message}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Run:
    """One command, measured from outside.

    :param seconds: wall time from start to end of the process.
    :param peak_mib: the most memory that the process and its children held at one time.
    """

    seconds: float
    peak_mib: float
    status: int
    output: str


def measure(command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end and measure it.

    The kernel's own maximum is exact but is that of the largest single process, so while the command runs, the resident
    memory of all its processes is also summed 20 times a second; pages that they share count for each. The larger wins.
    """
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [os.fspath(part) for part in command],
            cwd=cwd,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        sampler = _MemorySampler(process.pid)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        sampler.finished.set()
        sampler.join()
        peak = max(usage.ru_maxrss * 1024, sampler.peak)
        return Run(seconds, peak / MIB, process.returncode, _read(output))


def _read(output: IO[str]) -> str:
    output.seek(0)
    return output.read()


class _MemorySampler(threading.Thread):
    """Watches the resident memory of all processes of a session."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self.session = session
        self.peak = 0
        self.finished = threading.Event()

    def run(self) -> None:
        while not self.finished.wait(0.05):
            self.peak = max(self.peak, sum(self._resident(process) for process in Path("/proc").glob("[0-9]*")))

    def _resident(self, process: Path) -> int:
        try:
            session = int((process / "stat").read_text().rpartition(")")[2].split()[3])
            return int((process / "statm").read_text().split()[1]) * PAGE if session == self.session else 0
        except (OSError, IndexError, ValueError):  # it ended between two looks
            return 0
