"""The main job on real input: generate the example beamline, change it, type-check a plan, run it, and scan.

    make demo

What it generates goes into a temporary folder, what it measures into build/demo. The exit code is 1 when a step does
not do what it should, and 130 when it is interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.demo.generating import EXAMPLE, change, check, generate, show_classes, type_check
from scripts.demo.terminal import ROOT, StepError, coloured, command, figures, heading, highlighted, table

if TYPE_CHECKING:
    from beamwright_twin import Twin

RESULTS = Path("build/demo")
INTERRUPTED = 130


def main() -> int:
    """Run every step; return the exit code."""
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="beamwright-demo-") as name:
            show(Path(name).resolve())
    except StepError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def show(folder: Path) -> None:
    """Show each step, and at the end what they took."""
    began = time.perf_counter()
    generated = generate(folder / "new")
    seconds = {generated: time.perf_counter() - began}
    show_classes(folder / "new")
    check()
    change(folder / "changed")
    changed = time.perf_counter()
    type_check(folder)
    seconds["a plan checked by mypy, twice"] = time.perf_counter() - changed
    seconds |= run_twin()
    seconds["everything above"] = time.perf_counter() - began
    heading("What it took")
    figures({name: f"{took:6.1f} s" for name, took in seconds.items()})


def run_twin() -> dict[str, float]:
    """Run the beamline that the descriptions describe, use it, and return what took how long."""
    from beamwright_twin import Twin, TwinError

    heading("6. The same descriptions run: a twin of the beamline, on loopback")
    print(highlighted(f'with Twin("{EXAMPLE}/beamline.yaml") as twin:  # or, in a shell of its own: gen twin x01'))
    began = time.perf_counter()
    try:
        with Twin(EXAMPLE / "beamline.yaml") as twin:
            served = time.perf_counter() - began
            show_iocs(twin)
            return {f"{len(twin.records)} records served by {len(twin.iocs)} IOCs": served} | use(twin)
    except TwinError as error:
        raise StepError(str(error)) from error


def show_iocs(twin: Twin) -> None:
    """Print what each IOC of the twin serves."""
    rows = [
        [name, "PVA" if ioc.records.pva_only else "CA, PVA", str(len(ioc.records.types)), str(ioc.pid)]
        for name, ioc in twin.iocs.items()
    ]
    print("\n".join(table(["IOC", "serves over", "records", "process"], rows, right=["records", "process"])))


def use(twin: Twin) -> dict[str, float]:
    """Connect, scan and fly in a process that finds the twin; return what took how long."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    command(f"python -m scripts.demo.client {RESULTS}  {coloured('# with twin.environment', '2')}")
    client = [sys.executable, "-m", "scripts.demo.client", str(RESULTS)]
    done = subprocess.run(client, env=os.environ | twin.environment, check=False)
    if done.returncode == -signal.SIGINT:
        raise KeyboardInterrupt
    if done.returncode:
        raise StepError(f"the client of the twin ended with exit code {done.returncode}")
    took: dict[str, float] = json.loads((RESULTS / "seconds.json").read_text(encoding="utf-8"))
    return took


if __name__ == "__main__":
    sys.exit(main())
