"""The servers that the runtime's tests talk to, once for each test process, and only where a test uses them."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from ophyd_async.epics.testing import CA_PVA_RECORDS, PVA_RECORDS

from tests.helpers.paths import ROOT
from tests.helpers.ports import ServerPorts, pva_server, searched_ports
from tests.helpers.soft_records import place
from tests.helpers.softioc import SoftIoc
from tests.live.runtime.pva_motor import serve_motor
from tests.live.runtime.pva_structures import serve_structures

HERE = Path(__file__).parent
CAMERA = ROOT / "examples" / "x01" / "ioc" / "camera"


@pytest.fixture(scope="session")
def ports() -> ServerPorts:
    """The ports of the servers, which every process of tests searches."""
    return searched_ports()


@pytest.fixture(scope="session")
def soft_ioc(ports: ServerPorts) -> Iterator[SoftIoc]:
    """The records of this folder, the camera of the example beamline, and ophyd-async's own."""
    plugin = {"P": "CAM-01:", "NDARRAY_PORT": "SIM1", "XSIZE": "16", "YSIZE": "16", "HIST_SIZE": "16"}
    camera = (
        place(CAMERA / "simDetector.template", P="CAM-01:", R="CAM:", PORT="SIM1"),
        place(CAMERA / "NDFileHDF5.template", **plugin, R="HDF5:", PORT="HDF1"),
        place(CAMERA / "NDStats.template", **plugin, R="STAT:", PORT="STAT1"),
        place(CAMERA / "NDROI.template", **plugin, R="ROI:", PORT="ROI1"),
    )
    theirs = (CA_PVA_RECORDS, PVA_RECORDS)
    own = (HERE / "records.db", HERE / "signals.db", HERE / "guarded.db")
    security, served_at = HERE / "guarded.acf", ports.soft_ioc.release()
    with SoftIoc(*own, *camera, *theirs, macros="device=O:", security=security, ports=served_at) as ioc:
        yield ioc


@pytest.fixture(scope="session")
def motor(ports: ServerPorts) -> Iterator[None]:
    """A CA server with the motor records `MOTOR` and `LOCKED`, which base has not."""
    pytest.importorskip("caproto", reason="serves the motor record")
    (port,) = ports.motor.release()
    environment = {
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_ADDR_LIST": "",
    }
    with child(HERE / "motor_ioc.py", environment, b"Server startup complete"):
        yield


@contextmanager
def child(script: Path, environment: Mapping[str, str], ready: bytes) -> Iterator[None]:
    """Run a server of Python in a process of its own, from when it prints that it is ready."""
    with subprocess.Popen(
        [sys.executable, script], env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        try:
            await_line(server, ready)
            yield
        finally:
            server.terminate()


def await_line(server: subprocess.Popen[bytes], text: bytes, timeout: float = 30.0) -> None:
    """Wait until a server prints a text; what it prints later is left unread, a startup message fits the pipe."""
    assert server.stdout is not None
    printed = b""
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        while text not in printed:
            chunk = os.read(server.stdout.fileno(), 4096) if selector.select(timeout) else b""
            if not chunk:
                raise RuntimeError(f"the server did not start: {printed.decode()}")
            printed += chunk


@pytest.fixture(scope="session")
def pva_motor(ports: ServerPorts) -> Iterator[None]:
    """A PVA server with the motor record `MOTOR`."""
    with serve_motor("MOTOR", pva_server(ports.pva_motor)):
        yield


@pytest.fixture(scope="session")
def structures(ports: ServerPorts) -> Iterator[None]:
    """A PVA server of what records cannot serve."""
    with serve_structures(pva_server(ports.structures)):
        yield


@pytest.fixture(scope="session")
def fastcs(live: SoftIoc, ports: ServerPorts) -> Iterator[None]:
    """The fastcs server."""
    with child(HERE / "fastcs_ioc.py", pva_server(ports.fastcs), b"Running IOC"):
        yield


async def close_leftovers() -> None:
    """Close the channels of devices that nobody holds: libca goes on searching for those that are missing."""
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _nothing_left_of_other_files() -> AsyncIterator[None]:
    yield
    await close_leftovers()


@pytest_asyncio.fixture(loop_scope="session")
async def mortal(live: SoftIoc, ports: ServerPorts) -> AsyncIterator[SoftIoc]:
    """An IOC with the records of `mortal.db`, not started."""
    await close_leftovers()
    ioc = SoftIoc(HERE / "mortal.db", ports=ports.mortal.release())
    yield ioc
    ioc.stop()


@pytest.fixture(scope="session")
def servers(soft_ioc: SoftIoc, motor: None, pva_motor: None, structures: None) -> SoftIoc:
    """All servers that run for the whole session."""
    return soft_ioc


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def live(servers: SoftIoc) -> AsyncIterator[SoftIoc]:
    """The servers, with the channels closed before the event loop is."""
    from aioca import purge_channel_caches

    yield servers
    purge_channel_caches()
