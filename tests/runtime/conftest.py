"""The servers that the runtime's tests talk to: one soft IOC and two motor records for each test process."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from bluesky import RunEngine
from ophyd_async.epics.testing import CA_PVA_RECORDS, PVA_RECORDS

from tests.runtime.pva_motor import serve_motor
from tests.runtime.pva_structures import serve_structures
from tests.soft_records import place
from tests.softioc import SoftIoc, free_ports

HERE = Path(__file__).parent
CAMERA = HERE.parents[1] / "examples" / "x01" / "ioc" / "camera"


@pytest.fixture(scope="session")
def soft_ioc() -> Iterator[SoftIoc]:
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
    with SoftIoc(*own, *camera, *theirs, macros="device=O:", security=HERE / "guarded.acf") as ioc:
        yield ioc


@pytest.fixture(scope="session")
def motor_port() -> Iterator[int]:
    """A CA server with the motor records `MOTOR` and `LOCKED`, which base has not; gives its port."""
    pytest.importorskip("caproto", reason="serves the motor record")
    (port,) = free_ports(1)
    environment = {
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_ADDR_LIST": "",
    }
    with child(HERE / "motor_ioc.py", environment, b"Server startup complete"):
        yield port


@contextmanager
def child(script: Path, environment: dict[str, str], ready: bytes) -> Iterator[None]:
    """Run a server of Python in a process of its own, from when it prints that it is ready."""
    with subprocess.Popen(
        [sys.executable, script], env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
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
def pva_motor_port() -> Iterator[int]:
    """A PVA server with the motor record `MOTOR`; gives the port it is searched for on."""
    with serve_motor("MOTOR") as server:
        yield int(server.conf()["EPICS_PVAS_BROADCAST_PORT"])


@pytest.fixture(scope="session")
def structures_port() -> Iterator[int]:
    """A PVA server of what records cannot serve; gives the port it is searched for on."""
    with serve_structures() as server:
        yield int(server.conf()["EPICS_PVAS_BROADCAST_PORT"])


@pytest.fixture(scope="session")
def fastcs_ports() -> tuple[int, ...]:
    """Ports where clients of this process look for a fastcs server over PVA: TCP and UDP."""
    return free_ports(2)


@pytest.fixture(scope="session")
def fastcs(live: SoftIoc, fastcs_ports: tuple[int, ...]) -> Iterator[None]:
    """The fastcs server."""
    tcp, udp = map(str, fastcs_ports)
    environment = {
        "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_SERVER_PORT": tcp,
        "EPICS_PVAS_BROADCAST_PORT": udp,
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
    }
    with child(HERE / "fastcs_ioc.py", environment, b"Running IOC"):
        yield


@pytest.fixture(scope="session")
def mortal_ports() -> tuple[int, ...]:
    """Ports where clients of this process look for an IOC that a test starts and kills."""
    return free_ports(3)


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
async def mortal(live: SoftIoc, mortal_ports: tuple[int, ...]) -> AsyncIterator[SoftIoc]:
    """An IOC with the records of `mortal.db`, not started."""
    await close_leftovers()
    ioc = SoftIoc(HERE / "mortal.db", ports=mortal_ports)
    yield ioc
    ioc.stop()


@pytest.fixture(scope="session")
def panda_ports() -> tuple[int, ...]:
    """Ports where clients of this process look for two PandAs, which tests start and end: TCP and UDP of each."""
    return free_ports(4)


@pytest.fixture(scope="session")
def servers(
    soft_ioc: SoftIoc,
    motor_port: int,
    pva_motor_port: int,
    structures_port: int,
    fastcs_ports: tuple[int, ...],
    mortal_ports: tuple[int, ...],
    panda_ports: tuple[int, ...],
) -> SoftIoc:
    """All servers, found by CA and PVA in this process: clients read where to search once."""
    environment = soft_ioc.environment
    environment["EPICS_CA_ADDR_LIST"] += f" 127.0.0.1:{motor_port} 127.0.0.1:{mortal_ports[0]}"
    for port in (
        pva_motor_port,
        structures_port,
        fastcs_ports[1],
        mortal_ports[2],
        panda_ports[1],
        panda_ports[3],
    ):
        environment["EPICS_PVA_ADDR_LIST"] += f" 127.0.0.1:{port}"
    os.environ.update(environment)
    return soft_ioc


@pytest.fixture(scope="session", autouse=True)
def where_to_search(servers: SoftIoc) -> None:
    """Have the servers' ports known before the first test, whichever it is, makes libca read where to search."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def live(servers: SoftIoc) -> AsyncIterator[SoftIoc]:
    """The servers, with the channels closed before the event loop is."""
    from aioca import purge_channel_caches

    yield servers
    purge_channel_caches()


@pytest.fixture
def run_engine() -> Iterator[RunEngine]:
    """A RunEngine with an event loop of its own, which is closed afterwards."""
    loop = asyncio.new_event_loop()
    engine = RunEngine({}, loop=loop)
    yield engine
    if engine.state != "idle":
        engine.halt()
    loop.call_soon_threadsafe(loop.stop)
    engine._th.join()
    loop.close()
