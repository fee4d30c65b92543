"""How a twin of a large beamline starts, what memory it takes, and how many updates its monitors carry.

The beamline is made up: axes, gauges, controllers and cameras' worth of plain records in a few IOCs. Each figure is of
real processes on 127.0.0.1; clients are processes of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from beamwright_twin import Twin
from benchmarks.shared.report import Figure, parser, progress, report

IOCS = 10
MOTORS = 10
RECORDS = 10_000
SECONDS = 5.0

TEMPLATE = """
record(ao, "$(P)SET$(N)") { field(DTYP, "asynFloat64") field(OUT, "@asyn(P,0)V$(N)") field(EGU, "K") field(PREC, "3") }
record(ai, "$(P)NOW$(N)") { field(DTYP, "asynFloat64") field(INP, "@asyn(P,0)V$(N)") field(SCAN, "I/O Intr") }
record(mbbo, "$(P)MODE$(N)") { field(ZRST, "Off") field(ONST, "Low") field(TWST, "High") }
record(waveform, "$(P)TRACE$(N)") { field(FTVL, "DOUBLE") field(NELM, "100") field(DTYP, "asynFloat64ArrayIn") }
record(calc, "$(P)TICK$(N)") { field(SCAN, ".1 second") field(CALC, "VAL+1") field(EGU, "s") }
"""
MOTOR = 'record(motor, "$(P)M$(N)") { field(DTYP, "asynMotor") field(OUT, "@asyn(MC,$(N))") field(VELO, "1") }\n'

CLIENT = """
import asyncio, json, sys, time
names, ticks, seconds = json.load(sys.stdin)

async def over_ca():
    from aioca import camonitor, connect, purge_channel_caches
    start = time.perf_counter()
    connected = await connect(names, throw=False, timeout=30)
    took = time.perf_counter() - start
    seen = 0

    def heard(value, index=0):
        nonlocal seen
        seen += 1

    camonitor(ticks, heard, all_updates=True)
    await asyncio.sleep(1)
    seen, start = 0, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = seen / (time.perf_counter() - start)
    purge_channel_caches()
    return sum(one.ok for one in connected), took, rate

def over_pva():
    from p4p.client.thread import Context
    with Context("pva", nt=False) as context:
        start = time.perf_counter()
        found = 0
        for at in range(0, len(names), 1000):
            values = context.get(names[at:at + 1000], timeout=30, throw=False)
            found += sum(not isinstance(value, Exception) for value in values)
        return found, time.perf_counter() - start

print(json.dumps([*asyncio.run(over_ca()), *over_pva()]))
"""


def describe(folder: Path, records: int) -> Path:
    """Write the descriptions of a beamline with so many records, and return the beamline file."""
    (folder / ".git").mkdir()
    (folder / "values.template").write_text(TEMPLATE)
    (folder / "motor.template").write_text(MOTOR)
    sets = (records - IOCS * MOTORS) // 5 // IOCS
    lines = ["name: big", "iocs:"]
    for ioc in range(IOCS):
        rows = [f'{{"B{ioc:02}:", {number}}}' for number in range(sets)]
        axes = [f'{{"B{ioc:02}:", {number}}}' for number in range(MOTORS)]
        text = (
            f"file values.template {{ pattern {{P, N}} {' '.join(rows)} }}\n"
            f"file motor.template {{ pattern {{P, N}} {' '.join(axes)} }}\n"
        )
        (folder / f"ioc{ioc}.substitutions").write_text(text)
        lines.append(f"  - {{name: IOC{ioc:02}, substitutions: [ioc{ioc}.substitutions]}}")
    file = folder / "beamline.yaml"
    file.write_text("\n".join((*lines, "")))
    return file


def resident(pid: int | None) -> float:
    """Return the memory of a process in MB that no other process shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) / 1024


def measure(records: int) -> list[Figure]:
    """Run a beamline of so many records."""
    with tempfile.TemporaryDirectory() as folder:
        file = describe(Path(folder), records)
        start = time.perf_counter()
        with Twin(file) as twin:
            took = time.perf_counter() - start
            names = list(twin.records)
            memory = sum(resident(ioc.pid) for ioc in twin.iocs.values())
            ticks = [name for name, kind in twin.records.items() if kind == "calc"]
            done = subprocess.run(
                [sys.executable, "-c", CLIENT],
                input=json.dumps([names, ticks, SECONDS]),
                env=os.environ | twin.environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=True,
            )
    ca_found, ca_took, rate, pva_found, pva_took = json.loads(done.stdout)
    return [
        Figure("records", len(names), f"records in {IOCS} IOCs, {IOCS * MOTORS} of them motors"),
        Figure("start", took, "s until all are served"),
        Figure("memory", memory, "MB of all IOCs, shared libraries not counted"),
        Figure("connected_ca", ca_found, "records that connect over CA", "all of them"),
        Figure("connect_ca", ca_took, "s to connect them with aioca"),
        Figure("connected_pva", pva_found, "records that are read over PVA", "all of them"),
        Figure("read_pva", pva_took, "s to read them with p4p"),
        Figure("offered", len(ticks) * 10, "updates a second by calc records"),
        Figure("received", rate, "updates a second received over CA by one aioca client"),
    ]


def main() -> None:
    """Measure and report."""
    options = parser(__doc__ or "").parse_args()
    progress(f"a twin of {RECORDS:,} records")
    report("A twin of a large beamline", measure(RECORDS), options.json)


if __name__ == "__main__":
    main()
