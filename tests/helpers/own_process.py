"""Tests of a file run in a process of their own, and are reported as if they ran here.

CA and PVA read where to search once per process, so that a file that runs a twin of its own needs one. It is marked:

    pytestmark = ON_X01

What the mark is given are settings of that process's pytest. The file is collected here, so `-k`, `-m`, `--durations`
and xdist see its tests; at the first of them the process is started with all that were chosen, and reports each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import pytest

MARK = "own_process"
X01 = "twin_beamline=examples/x01/beamline.yaml"
# Channels live in the loop that made them, so that all tests of a file share one.
ONE_LOOP = ("asyncio_default_fixture_loop_scope=session", "asyncio_default_test_loop_scope=session")
ON_X01 = [pytest.mark.long, pytest.mark.own_process(X01)]
ON_X01_IN_ONE_LOOP = [pytest.mark.long, pytest.mark.own_process(X01, *ONE_LOOP)]
ON_ANOTHER_TWIN = [pytest.mark.long, pytest.mark.own_process()]
REPORTS = "BEAMWRIGHT_TEST_REPORTS"
"""The variable with the number of the file that such a process writes its reports into."""
TIMEOUT = 240
"""Seconds for each test: less than here, for there it is told where the test hung."""


class OwnProcess:
    """A pytest with the chosen tests of one file, started when it is made."""

    def __init__(self, config: pytest.Config, settings: Sequence[str], tests: Sequence[str]) -> None:
        self.remaining = len(tests)
        self._config = config
        self._reports: dict[str, list[pytest.TestReport]] = {test: [] for test in tests}
        self._output = TemporaryFile()  # noqa: SIM115 - it is closed with the process
        read, write = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", *options(settings), *tests],
            cwd=config.rootpath,
            env={name: value for name, value in os.environ.items() if not name.startswith(("EPICS_", "PYTEST_"))}
            | {REPORTS: str(write)},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=(write,),
        )
        os.close(write)
        self._lines = os.fdopen(read)

    def reports(self, item: pytest.Item) -> Iterator[pytest.TestReport]:
        """Return the reports of a test as they come, with a failure where the process ended without them."""
        self.remaining -= 1
        come = self._reports[item.nodeid]
        while not come or come[-1].when != "teardown":
            line = self._lines.readline()
            if not line:
                yield from come
                yield self._ended(item)
                return
            report = self._config.hook.pytest_report_from_serializable(config=self._config, data=json.loads(line))
            self._reports[report.nodeid].append(report)
        yield from come

    def close(self) -> None:
        """Wait for the end of the process, or end it where tests are left."""
        if self.remaining:
            self._process.terminate()
        self._process.wait()
        self._lines.close()
        self._output.close()

    def _ended(self, item: pytest.Item) -> pytest.TestReport:
        code = self._process.wait()
        self._output.seek(0)
        said = self._output.read().decode(errors="replace")[-10_000:]
        why = f"the process of {item.path.name} ended with {code} before this test did:\n{said}"
        return pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call")


def options(settings: Sequence[str]) -> list[str]:
    """Return the options of pytest in the process: tests are chosen by name, and the plugin `beamwright` is ours."""
    # hypothesis, which is not used there, is imported late, and Python 3.11 may then fail to compile it.
    plugins = ("no:beamwright", "beamwright_twin.pytest_plugin", "no:cacheprovider", "no:hypothesispytest", "no:xdist")
    given = [word for setting in settings for word in ("-o", setting)]
    return [*(word for plugin in plugins for word in ("-p", plugin)), "-m", "", f"--timeout={TIMEOUT}", *given]


class OwnProcesses:
    """A plugin that runs marked files apart."""

    def __init__(self) -> None:
        self._running: dict[Path, OwnProcess] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Report what a marked test did in the process of its file."""
        mark = item.get_closest_marker(MARK)
        if mark is None:
            return None
        if item.path not in self._running:
            tests = [one.nodeid for one in item.session.items if one.path == item.path]
            self._running[item.path] = OwnProcess(item.config, mark.args, tests)
        process = self._running[item.path]
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in process.reports(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if not process.remaining:
            self._running.pop(item.path).close()
        # As after any other test: what was set up for the one before, and is not needed by the next, ends.
        item.session._setupstate.teardown_exact(nextitem)
        return True

    def pytest_sessionfinish(self) -> None:
        """End the processes whose tests were not all run."""
        while self._running:
            self._running.popitem()[1].close()


class Reporter:
    """A plugin that sends the reports of this process to the one that started it."""

    def __init__(self, config: pytest.Config, number: int) -> None:
        self._config = config
        self._file = os.fdopen(number, "w")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Send a report as a line of JSON."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._file.write(json.dumps(data) + "\n")
        self._file.flush()


def plugin(config: pytest.Config) -> object:
    """Return what this pytest needs: to run files apart, or to report as such a process."""
    number = os.environ.pop(REPORTS, None)
    return OwnProcesses() if number is None else Reporter(config, int(number))
