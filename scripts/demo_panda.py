"""Fly the PandA of the example: serve the box on 127.0.0.1, connect the generated device, run a plan, read the file.

python scripts/demo_panda.py
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "examples" / "x01" / "panda" / "server.py"
EXPOSURES = (0.005, 0.01, 0.02, 0.01, 0.005)


def main() -> None:
    """Show each step."""
    sys.path.insert(0, str(ROOT))  # the plans are not installed
    tcp, udp = (str(free_port(kind)) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
    os.environ |= {
        "EPICS_PVA_ADDR_LIST": "127.0.0.1",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": udp,
        "EPICS_PVAS_BROADCAST_PORT": udp,
        "EPICS_PVAS_SERVER_PORT": tcp,
    }
    with box(), tempfile.TemporaryDirectory() as folder:
        fly(Path(folder))


def free_port(kind: socket.SocketKind) -> int:
    """Find a port that nothing uses."""
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def box() -> Iterator[None]:
    """Serve the box."""
    with subprocess.Popen([sys.executable, SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            print(server.stdout.readline().strip() or "the box does not serve", flush=True)
            yield
        finally:
            server.terminate()


def fly(folder: Path) -> None:
    """Connect, fly, and show what was written."""
    import h5py
    from bluesky import RunEngine
    from ophyd_async.core import StaticFilenameProvider, StaticPathProvider

    from beamwright_generated.beamlines import x01
    from beamwright_runtime import disconnect
    from examples.plans.fly_exposures import fly_exposures

    engine = RunEngine()
    began = time.perf_counter()
    panda = x01.panda(connect=True, path_provider=StaticPathProvider(StaticFilenameProvider("scan"), folder))
    print(f"{panda.name} connected in {time.perf_counter() - began:.2f} s, without walking PVI")

    documents: dict[str, list[Any]] = {}
    engine(fly_exposures(panda, EXPOSURES), lambda name, document: documents.setdefault(name, []).append(document))
    (stop,) = documents["stop"]
    print(f"fly_exposures: {stop['exit_status']}, {stop['num_events']['primary']} events")
    with h5py.File(folder / "scan.h5") as file:
        for name, dataset in file.items():
            print(f"  {name}: {dataset.dtype} {dataset.shape[0]} rows")
            assert dataset.shape == (len(EXPOSURES),)
    asyncio.run_coroutine_threadsafe(disconnect(panda), engine.loop).result(10)


if __name__ == "__main__":
    main()
