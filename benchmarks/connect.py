"""How long connecting takes, against ophyd-async's own classes and against libca alone.

Servers are real soft IOCs on 127.0.0.1; each measurement is a process of its own; the kinds take turns within one run.
The floor is a C program on libca with the same channels and the same gets, compiled where there is a compiler.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.connect_devices import SIGNALS, database, records
from benchmarks.report import Figure, parser, progress, report
from tests.softioc import SoftIoc, free_ports

HERE = Path(__file__).parent
ROOT = HERE.parent
TAIL = 1.5
"""A run is in the slow tail if it takes longer than so many medians."""


@dataclass(frozen=True)
class Fleet:
    """Running servers and what they serve.

    :param prefixes: of the devices, each of 100 signals.
    :param environment: with which clients find the servers.
    """

    prefixes: list[str]
    environment: Mapping[str, str]
    iocs: Sequence[SoftIoc] = ()


@contextlib.contextmanager
def fleet(signals: int, servers: int = 1) -> Iterator[Fleet]:
    """Serve so many signals from so many IOCs."""
    prefixes = [f"B{number:04}:" for number in range(signals // SIGNALS)]
    text = database()
    with contextlib.ExitStack() as stack:
        addresses: dict[str, list[str]] = {"EPICS_CA_ADDR_LIST": [], "EPICS_PVA_ADDR_LIST": []}
        environment: dict[str, str] = {}
        iocs: list[SoftIoc] = []
        for server in range(servers):
            served = "".join(text.replace("$(P)", prefix) for prefix in prefixes[server::servers])
            ioc = stack.enter_context(SoftIoc(served, timeout=300, ports=free_ports(3)))
            iocs.append(ioc)
            environment = ioc.environment
            for name, list_ in addresses.items():
                list_.append(environment[name])
        yield Fleet(prefixes, environment | {name: " ".join(list_) for name, list_ in addresses.items()}, iocs)


def client(kind: str, servers: Fleet, *arguments: str) -> dict[str, float]:
    """Measure once, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.connect_client", kind, json.dumps(servers.prefixes), *arguments],
        env={**os.environ, **servers.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0 or not done.stdout.strip():
        raise RuntimeError(f"{kind} failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


class Floor:
    """The C program, where it can be compiled."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "floor"
        self.names = folder / "names"
        self.works = False
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            return
        from epicscorelibs import path

        include = Path(path.include_path)
        libraries = [path.get_lib("ca"), path.get_lib("Com")]
        includes = [include, include / "os" / "Linux", include / "compiler" / "gcc"]
        command = [
            compiler,
            "-O2",
            "-o",
            self.program,
            HERE / "connect_floor.c",
            *(f"-I{folder}" for folder in includes),
        ]
        done = subprocess.run(
            [*map(str, command), *libraries, f"-Wl,-rpath,{path.lib_path}", "-lpthread"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.works = done.returncode == 0
        if not self.works:
            progress(f"no floor: {done.stderr}")

    def write_names(self, servers: Fleet) -> None:
        """Tell it the channels of the servers' devices."""
        lines = (f"{name} {get}\n" for prefix in servers.prefixes for name, get in records(prefix))
        self.names.write_text("".join(lines))

    def measure(self, servers: Fleet) -> dict[str, float]:
        """Connect the channels of the servers' devices."""
        self.write_names(servers)
        environment = {**os.environ, **servers.environment}
        done = subprocess.run(
            [self.program, self.names], env=environment, capture_output=True, text=True, check=True, timeout=600
        )
        return {"connect_s": float(done.stdout)}


Runs = dict[str, list[dict[str, float]]]


def interleaved(servers: Fleet, kinds: Sequence[str], repetitions: int, floor: Floor) -> Runs:
    """Let the kinds take turns."""
    runs: Runs = {}
    for repetition in range(repetitions):
        for kind in kinds:
            if kind == "floor" and not floor.works:
                continue
            progress(f"{len(servers.prefixes) * SIGNALS:,} signals, {kind}, {repetition + 1} of {repetitions}")
            runs.setdefault(kind, []).append(floor.measure(servers) if kind == "floor" else client(kind, servers))
    return runs


def median(runs: Runs, kind: str, figure: str) -> float:
    """Give the middle of a kind's measurements."""
    return statistics.median(run[figure] for run in runs[kind])


def show(title: str, runs: Runs) -> None:
    """Print medians, extremes and the slow tail."""
    print(title)
    for kind, measured in runs.items():
        seconds = sorted(run["connect_s"] for run in measured)
        middle = statistics.median(seconds)
        tail = [value for value in seconds if value > TAIL * middle]
        slow = f", slow tail {len(tail)}: {', '.join(f'{value:.3f}' for value in tail)}" if tail else ""
        print(f"  {kind:<10} connect {middle:8.3f} s ({seconds[0]:.3f} - {seconds[-1]:.3f}, n={len(seconds)}{slow})")


def ratio(runs: Runs, above: str, below: str, figure: str = "connect_s") -> float:
    """Compare two kinds by their medians."""
    return median(runs, above, figure) / median(runs, below, figure)


def against_others(repetitions: int, quick: bool, floor: Floor) -> list[Figure]:
    """Measure the first connection, creation, memory and repeated connection over CA."""
    figures: list[Figure] = []
    with fleet(1000) as servers:
        runs = interleaved(servers, ["floor", "own", "theirs"], repetitions, floor)
        show("CA, 1,000 signals", runs)
        if floor.works:
            figures.append(Figure("ca_1k_vs_floor", ratio(runs, "own", "floor"), "times the floor", "at most 1.2"))
    with fleet(10_000) as servers:
        runs = interleaved(servers, ["floor", "own", "theirs"], repetitions, floor)
    show("CA, 10,000 signals", runs)
    figures.append(Figure("ca_10k_vs_ophyd_async", ratio(runs, "theirs", "own"), "times as fast", "at least 15"))
    if floor.works:
        figures.append(Figure("ca_10k_vs_floor", ratio(runs, "own", "floor"), "times the floor", "at most 2"))
    figures += [
        Figure("tree_speed_vs_ophyd_async", ratio(runs, "theirs", "own", "create_s"), "times as fast", "at least 2.5"),
        Figure("tree_memory_vs_ophyd_async", ratio(runs, "own", "theirs", "create_bytes"), "of theirs", "at most 0.6"),
        Figure(
            "connect_memory_vs_ophyd_async", ratio(runs, "own", "theirs", "connect_bytes"), "of theirs", "at most 0.1"
        ),
    ]
    with fleet(10_000, servers=20) as servers:
        show("CA, 10,000 signals on 20 servers", interleaved(servers, ["floor", "own", "theirs"], repetitions, floor))
    if not quick:
        with fleet(50_000) as servers:
            runs = interleaved(servers, ["floor", "own", "theirs"], repetitions, floor)
        show("CA, 50,000 signals", runs)
        figures.append(Figure("ca_50k_vs_ophyd_async", ratio(runs, "theirs", "own"), "times as fast", "at least 25"))
        figures.append(Figure("repeat_connect_50k_s", median(runs, "own", "repeat_s"), "s", "under 0.001"))
    return figures


def over_pva(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure the first connection over PVA."""
    with fleet(3400) as servers:  # 5,000 channels
        runs = interleaved(servers, ["own-pva", "theirs-pva", "p4p"], repetitions, floor)
    show("PVA, 5,000 channels", runs)
    return [Figure("pva_5k_vs_ophyd_async", ratio(runs, "theirs-pva", "own-pva"), "times as fast", "at least 1.3")]


def missing_pvs(repetitions: int) -> list[Figure]:
    """Measure what 1 % missing PVs cost: how late the report is, and how much is sent."""
    overruns: list[float] = []
    datagrams: list[float] = []
    with fleet(6800) as servers:  # 9,928 PVs
        absent = Fleet([*servers.prefixes, "ABSENT:"], servers.environment)
        for repetition in range(repetitions):
            progress(f"1 % missing, {repetition + 1} of {repetitions}")
            own, theirs = client("own", absent, "missing"), client("theirs", absent, "missing")
            overruns.append(own["overrun_s"])
            datagrams.append(own["datagrams"] / theirs["datagrams"])
    return [
        Figure("missing_overrun_s", statistics.median(overruns), "s past the timeout", "at most 0.05"),
        Figure("datagrams_vs_ophyd_async", statistics.median(datagrams), "of theirs", "at most 1.05"),
    ]


def killed_server(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure how soon a killed server is known, and its return noticed, beside plain libca at the same time."""
    known: list[float] = []
    heal: list[float] = []
    for repetition in range(repetitions):
        progress(f"killed server, {repetition + 1} of {repetitions}")
        with fleet(6800) as servers:
            floor.write_names(servers)
            own = [sys.executable, "-m", "benchmarks.connect_client", "own", json.dumps(servers.prefixes), "killed"]
            with _watching(own, servers) as mine, _watching([floor.program, floor.names, "watch"], servers) as libca:
                killed = time.monotonic()
                servers.iocs[0].kill()
                known.append(float(next(mine)) - killed)
                next(libca)
                servers.iocs[0].start()
                running = time.monotonic()
                heal.append((float(next(mine)) - running) / (float(next(libca)) - running))
    return [
        Figure("kill_to_known_10k_s", statistics.median(known), "s until all channels are known to be down", "0.1"),
        Figure("heal_vs_libca", statistics.median(heal), "times as long as plain libca", "about 1"),
    ]


@contextlib.contextmanager
def _watching(command: Sequence[str | Path], servers: Fleet) -> Iterator[Iterator[str]]:
    """Run a client that prints a line when it is connected, when it has lost all and when it has all back."""
    with subprocess.Popen(
        command, env={**os.environ, **servers.environment}, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        next(lines)
        yield lines
        process.kill()


def import_extra(repetitions: int) -> list[Figure]:
    """Measure what importing a beamline takes beyond ophyd-async's EPICS support."""
    seconds: dict[str, list[float]] = {"ophyd_async.epics.core": [], "beamwright_generated.beamlines.x01": []}
    for _ in range(repetitions):
        for module, measured in seconds.items():
            code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
            measured.append(float(done.stdout))
    theirs, ours = (statistics.median(measured) for measured in seconds.values())
    return [Figure("import_extra_s", ours - theirs, "s", "at most 0.05")]


def main() -> None:
    """Measure and report."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--repetitions", type=int, default=7, metavar="N", help="runs of each kind")
    arguments.add_argument("--quick", action="store_true", help="3 runs of each kind, and without 50,000 signals")
    options = arguments.parse_args()
    repetitions = 3 if options.quick else options.repetitions
    with tempfile.TemporaryDirectory() as folder:
        floor = Floor(Path(folder))
        figures = against_others(repetitions, options.quick, floor)
        figures += over_pva(repetitions, floor)
        if floor.works:
            figures += killed_server(repetitions, floor)
    figures += missing_pvs(repetitions)
    figures += import_extra(repetitions)
    report("Connecting", figures, options.json)


if __name__ == "__main__":
    main()
