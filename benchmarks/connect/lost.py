"""How soon a server is known to be gone: killed, hung, or out of reach."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.connect.devices import SIGNALS, database
from benchmarks.connect.floors import Floor
from benchmarks.connect.servers import Fleet, fleet
from benchmarks.shared.paths import ROOT
from benchmarks.shared.report import Figure, progress
from tests.helpers.softioc import SoftIoc

SHORT = 2.0
"""A small EPICS_CA_CONN_TMO, in seconds."""
DEFAULT = 30.0
"""What it is unless set."""


def killed_server(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure how soon a killed server is known, and its return noticed, beside plain libca at the same time."""
    known: list[float] = []
    heal: list[float] = []
    for repetition in range(repetitions):
        progress(f"killed server, {repetition + 1} of {repetitions}")
        with fleet(6800) as servers:
            floor.write_names(servers.prefixes)
            libca_command: list[str | Path] = [floor.program, floor.names, "watch"]
            with _watching(_own(servers), servers) as own, _watching(libca_command, servers) as libca:
                killed = time.monotonic()
                servers.iocs[0].kill()
                known.append(float(next(own)) - killed)
                next(libca)
                servers.iocs[0].start()
                running = time.monotonic()
                heal.append((float(next(own)) - running) / (float(next(libca)) - running))
    return [
        Figure("kill_to_known_10k_s", statistics.median(known), "s until all channels are known to be down", "0.1"),
        Figure("heal_vs_libca", statistics.median(heal), "times as long as plain libca", "about 1"),
    ]


def unreachable_server(quick: bool) -> list[Figure]:
    """Measure how soon a server that hangs, and one whose route is lost, are known to be gone."""
    times = {f"tmo_{SHORT:g}": SHORT} | ({} if quick else {"tmo_default": DEFAULT})
    figures: list[Figure] = []
    with ThreadPoolExecutor() as pool:  # they do nothing but wait
        hung = {name: pool.submit(_hung, seconds) for name, seconds in times.items()}
        lost = {name: pool.submit(_lost_elsewhere, seconds) for name, seconds in times.items()}
    for what, measured in (("hung", hung), ("lost_route", lost)):
        for name, future in measured.items():
            seconds = future.result()
            if seconds is None:
                progress(f"{what}: not measured, for no network namespace can be made here")
            else:
                figures.append(Figure(f"{what}_to_known_{name}_s", seconds, "s until it is known"))
    return figures


def _hung(conn_tmo: float) -> float:
    progress(f"hung server, EPICS_CA_CONN_TMO {conn_tmo:g}")
    with fleet(SIGNALS) as servers, _watching(_own(servers), servers, conn_tmo) as own:
        os.kill(servers.iocs[0].pid, signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            return float(next(own)) - stopped
        finally:
            os.kill(servers.iocs[0].pid, signal.SIGCONT)


def _lost_elsewhere(conn_tmo: float) -> float | None:
    """Measure in a network namespace of its own; None where none can be made."""
    progress(f"lost route, EPICS_CA_CONN_TMO {conn_tmo:g}")
    code = f"from benchmarks.connect.lost import lost_route; print(lost_route({conn_tmo}))"
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return float(done.stdout) if done.returncode == 0 else None


def lost_route(conn_tmo: float) -> float:
    """Measure here, in a network namespace whose loopback device nobody else uses."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with SoftIoc(database(), macros="P=B0000:") as ioc:
        servers = Fleet(["B0000:"], ioc.environment, [ioc])
        with _watching(_own(servers), servers, conn_tmo) as own:
            subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
            lost = time.monotonic()
            return float(next(own)) - lost


def _own(servers: Fleet) -> list[str]:
    return [sys.executable, "-m", "benchmarks.connect.client", "own", json.dumps(servers.prefixes), "killed"]


@contextlib.contextmanager
def _watching(command: Sequence[str | Path], servers: Fleet, conn_tmo: float | None = None) -> Iterator[Iterator[str]]:
    """Run a client that prints a line when it is connected, when it has lost all and when it has all back."""
    environment: Mapping[str, str] = {**os.environ, **servers.environment}
    if conn_tmo is not None:
        environment = {**environment, "EPICS_CA_CONN_TMO": str(conn_tmo)}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        next(lines)
        try:
            yield lines
        finally:
            process.kill()
