"""How long connecting takes, against ophyd-async's own classes and against libca alone.

Servers are real soft IOCs on 127.0.0.1, set up for the number of their records (`ioc.py`); each measurement is
a process of its own; the kinds take turns within one run. The floors are a C program on libca with the same channels
and the same gets, and a C++ program on pvxs; both are compiled where there is a compiler.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.connect.devices import SIGNALS
from benchmarks.connect.floors import Floor, libca_floor, pvxs_floor
from benchmarks.connect.imports import import_extra
from benchmarks.connect.lost import killed_server, unreachable_server
from benchmarks.connect.servers import DEFAULT_TABLE, Fleet, fleet
from benchmarks.shared.paths import ROOT
from benchmarks.shared.report import Figure, parser, progress, report

FLOORS = ("floor", "pvxs")
"""Kinds that are compiled programs."""
ROWS = ("1k", "10k", "20-servers", "50k", "50k-default", "pva", "killed", "unreachable", "missing", "import")
TAIL = 1.5
"""A run is in the slow tail if it takes longer than so many medians."""


def client(kind: str, servers: Fleet, *arguments: str) -> dict[str, float]:
    """Measure once, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.connect.client", kind, json.dumps(servers.prefixes), *arguments],
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


Runs = dict[str, list[dict[str, float]]]


def interleaved(servers: Fleet, kinds: Sequence[str], repetitions: int, floor: Floor) -> Runs:
    """Let the kinds take turns."""
    runs: Runs = {}
    for repetition in range(repetitions):
        for kind in kinds:
            if kind in FLOORS and not floor.works:
                continue
            progress(f"{len(servers.prefixes) * SIGNALS:,} signals, {kind}, {repetition + 1} of {repetitions}")
            measured = floor.measure(servers.prefixes, servers.environment) if kind in FLOORS else client(kind, servers)
            runs.setdefault(kind, []).append(measured)
    return runs


def median(runs: Runs, kind: str, figure: str) -> float:
    """Return the middle of a kind's measurements."""
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


def first_connection(
    name: str, title: str, servers: Fleet, repetitions: int, floor: Floor, vs_theirs: str = "", vs_floor: str = ""
) -> tuple[Runs, list[Figure]]:
    """Measure the first connection of a beamline over CA.

    :param name: with which the figures begin.
    :param vs_theirs: the bar for how many times as fast it is as ophyd-async's own classes.
    :param vs_floor: the bar for how many times as long as the floor it takes.
    """
    runs = interleaved(servers, ["floor", "own", "theirs"], repetitions, floor)
    show(f"CA, {title}", runs)
    figures = [Figure(f"{name}_vs_ophyd_async", ratio(runs, "theirs", "own"), "times as fast", vs_theirs)]
    if floor.works:
        figures.append(Figure(f"{name}_vs_floor", ratio(runs, "own", "floor"), "times the floor", vs_floor))
    return runs, figures


def thousand(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure the first connection of a small beamline over CA, where libca's wait of 32 ms rules."""
    with fleet(1000) as servers:
        return first_connection("ca_1k", "1,000 signals", servers, repetitions, floor, vs_floor="at most 1.2")[1]


def ten_thousand(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure the first connection, creation and memory of a beamline over CA."""
    with fleet(10_000) as servers:
        runs, figures = first_connection(
            "ca_10k", "10,000 signals", servers, repetitions, floor, "at least 15", "at most 2"
        )
    return [
        *figures,
        Figure("tree_speed_vs_ophyd_async", ratio(runs, "theirs", "own", "create_s"), "times as fast", "at least 2.5"),
        Figure("tree_memory_vs_ophyd_async", ratio(runs, "own", "theirs", "create_bytes"), "of theirs", "at most 0.6"),
        Figure(
            "connect_memory_vs_ophyd_async", ratio(runs, "own", "theirs", "connect_bytes"), "of theirs", "at most 0.1"
        ),
    ]


def twenty_servers(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure the first connection of a beamline of many IOCs over CA."""
    with fleet(10_000, servers=20) as servers:
        title = "10,000 signals on 20 servers"
        _, figures = first_connection("ca_10k_20_servers", title, servers, repetitions, floor)
    return figures


def fifty_thousand(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure the first and the repeated connection of a facility over CA."""
    with fleet(50_000) as servers:
        runs, figures = first_connection(
            "ca_50k", "50,000 signals", servers, max(3, repetitions // 2), floor, "at least 25"
        )
    return [*figures, Figure("repeat_connect_50k_s", median(runs, "own", "repeat_s"), "s", "under 0.001")]


def fifty_thousand_by_default(repetitions: int, floor: Floor) -> list[Figure]:
    """Measure the same with an IOC whose start-up script does not set the size of its table of record names."""
    with fleet(50_000, table=DEFAULT_TABLE) as servers:
        title = f"50,000 signals of an IOC with the default table of {DEFAULT_TABLE} names"
        runs, figures = first_connection("ca_50k_default", title, servers, max(3, repetitions // 2), floor)
    if floor.works:
        vs_theirs = ratio(runs, "theirs", "floor")
        figures.append(Figure("floor_50k_default_vs_ophyd_async", vs_theirs, "times as fast, in C alone"))
    return figures


def over_pva(repetitions: int, pvxs: Floor) -> list[Figure]:
    """Measure the first connection over PVA, beside p4p's own list get and pvxs alone."""
    with fleet(3400) as servers:  # 5,000 channels
        runs = interleaved(servers, ["pvxs", "p4p", "own-pva", "theirs-pva"], repetitions, pvxs)
    show("PVA, 5,000 channels", runs)
    figures = [
        Figure("pva_5k_vs_ophyd_async", ratio(runs, "theirs-pva", "own-pva"), "times as fast", "at least 1.3"),
        Figure("pva_5k_vs_p4p", ratio(runs, "own-pva", "p4p"), "times p4p's own list get"),
    ]
    if pvxs.works:
        figures.append(Figure("pva_5k_vs_pvxs", ratio(runs, "own-pva", "pvxs"), "times pvxs alone"))
    return figures


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


def main() -> None:
    """Measure and report."""
    arguments = parser(__doc__ or "")
    arguments.add_argument(
        "--repetitions", type=int, default=7, metavar="N", help="runs of each kind, of 1k and 10k three times as many"
    )
    arguments.add_argument("--quick", action="store_true", help="as --repetitions 3, and without 50,000 signals")
    arguments.add_argument("--only", choices=ROWS, metavar="ROW", help=f"measure no more than this: {', '.join(ROWS)}")
    options = arguments.parse_args()
    repetitions = 3 if options.quick else options.repetitions
    with tempfile.TemporaryDirectory() as folder:
        floor, pvxs = libca_floor(Path(folder)), pvxs_floor(Path(folder))
        rows: Mapping[str, Callable[[], list[Figure]]] = {
            "1k": lambda: thousand(3 * repetitions, floor),
            "10k": lambda: ten_thousand(3 * repetitions, floor),
            "20-servers": lambda: twenty_servers(repetitions, floor),
            "50k": lambda: [] if options.quick and not options.only else fifty_thousand(repetitions, floor),
            "50k-default": lambda: (
                [] if options.quick and not options.only else fifty_thousand_by_default(repetitions, floor)
            ),
            "pva": lambda: over_pva(repetitions, pvxs),
            "killed": lambda: killed_server(repetitions, floor) if floor.works else [],
            "unreachable": lambda: unreachable_server(options.quick),
            "missing": lambda: missing_pvs(repetitions),
            "import": lambda: import_extra(3 * repetitions),
        }
        figures = [figure for row in ([options.only] if options.only else ROWS) for figure in rows[row]()]
    report("Connecting", figures, options.json)


if __name__ == "__main__":
    main()
