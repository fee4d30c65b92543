"""Serves what classes are audited against, and asks real classes to connect to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from beamwright_generator.parse.database.loader import LoadedDatabase, load_database
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems
from beamwright_generator.tables.record_types import record_type_names
from beamwright_twin.description.soft_records import IocRecords, soften
from beamwright_twin.processes.ioc_process import IocProcess
from beamwright_twin.processes.loopback_ports import Ports, client_environment
from beamwright_twin.sim.clock import Clock
from benchmarks.shared.softening import served_text
from tests.helpers.softioc import SoftIoc

CLIENT_TIMEOUT = 1800
"""Seconds that all classes may take to connect to one IOC."""

SIGNAL_TIMEOUT = 4.0
"""Seconds after which a PV counts as not there; each signal has two tries."""


class Asked(NamedTuple):
    """One class to be made at its prefixes, and the attributes to connect."""

    module: str
    name: str
    prefixes: Mapping[str, str]
    attributes: Sequence[str]


@contextmanager
def soft_ioc(loaded: LoadedDatabase) -> Iterator[Mapping[str, str]]:
    """Serve the records of base types from a soft IOC; gives how clients find it."""
    with SoftIoc(served_text(loaded), timeout=120) as ioc:
        yield ioc.environment


@contextmanager
def python_ioc(loaded: LoadedDatabase) -> Iterator[Mapping[str, str]]:
    """Serve records from an IOC of base with the record types that base lacks in Python, as the twin does."""
    with running(soften("audited", loaded)) as (_, environment):
        yield environment


@contextmanager
def running(records: IocRecords) -> Iterator[tuple[IocProcess, dict[str, str]]]:
    """Run one IOC of a twin by itself; gives it, and how clients find it."""
    ports = Ports()
    own = (ports.claim(), ports.claim())
    environment = client_environment([own])
    ioc = IocProcess(records, Clock.started(), own, environment, lambda *_: None)
    try:
        ioc.launch({})
        ioc.wait(120)
        yield ioc, environment
    finally:
        ioc.stop()
        ports.release()


def without_hardware(loaded: LoadedDatabase, file: Path) -> LoadedDatabase:
    """Write records of known types as an IOC without hardware has them, and load what was written."""
    file.write_text(served_text(loaded, record_type_names()), encoding="utf-8")
    return load_database(DescriptionFiles([file.parent], file.parent, Problems()), file, {}, [], Problems())


def connected(asked: Sequence[Asked], environment: Mapping[str, str], root: Path) -> list[Any]:
    """Make the classes, connect the attributes, and return what came of each (`audit_client`)."""
    request = {"classes": [list(one) for one in asked], "timeout": SIGNAL_TIMEOUT}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.audit.client"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=CLIENT_TIMEOUT,
        cwd=root,
        env={**os.environ, **environment},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the client exited with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    answer: list[Any] = json.loads(done.stdout)
    return answer
