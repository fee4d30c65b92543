"""What flying costs: dead time of a pause, how well run-ups end at their frames, documents and processor time.

python -m benchmarks.fly_overhead [-n SCANS] [--json FILE]

Dead times and positions are of motor records, a PandA and a camera of the simulated stage, over CA and PVA; a million
points a second are counted in this process alone.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from beamwright_twin import Twin
from benchmarks.fly_overhead.rates import rates
from benchmarks.shared.paths import ROOT
from benchmarks.shared.report import Figure, parser, progress, report
from tests.helpers.fly.cameras_stage import RAMP, set_up

BEAMLINE = ROOT / "tests" / "live" / "runtime" / "fly" / "on_stage" / "beamline.yaml"


def measured(times: int) -> dict[str, Any]:
    """Fly on the simulated stage, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder, Twin(BEAMLINE) as twin:
        set_up(twin)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.fly_overhead.client", folder, str(times)],
            cwd=ROOT,
            env=os.environ | twin.environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=1200,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figures_of(found: Mapping[str, Any]) -> list[Figure]:
    """Say what was measured on the stage."""
    median = {
        name: statistics.median(one[name] for one in found[kind])
        for kind, name in (("paused", "stop"), ("paused", "restart"))
    }
    whole, paused = (statistics.median(one["whole"] for one in found[kind]) for kind in ("whole", "paused"))
    errors, fast = found["errors"], found["fast"]
    return [
        Figure("scan_s", whole, "s that a scan of 40 frames of 50 ms takes, two rows"),
        Figure("pause_resume_s", paused - whole, "s that it takes longer for a pause in a row that is resumed at once"),
        Figure("pause_s", median["stop"], "s of it from the request until all is at rest and flushed"),
        Figure("resume_s", median["restart"], f"s of it until a frame is on disk again, ramp of {RAMP:g} s and all"),
        Figure("run_ups", errors["run_ups"], "run-ups, at starts of rows and in the middle of them"),
        Figure("run_up_error_um", errors["first"] * 1000, "um off at the first trigger after one, at most", "0.2"),
        Figure("position_error_um", errors["any"] * 1000, "um off at any trigger, at most, of frames 100 um wide"),
        Figure("run_up_velocity_error", errors["velocity"], "relative, of the first frame after one, at most"),
        Figure("rows_1_khz_stage", fast["rows"], "rows that a PandA captured at 1 kHz and documents tell of", "5000"),
        Figure("position_error_1_khz_um", fast["any"] * 1000, "um off at any of them, at most, of 1 um wide"),
        Figure("documents_per_second_1_khz_stage", fast["documents"], "documents a second"),
        Figure("processor_share_1_khz_stage", fast["share"], "of one processor, of the RunEngine's process"),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser("Measure what fly scans cost.")
    options.add_argument(
        "-n", type=int, default=7, metavar="SCANS", help="with a pause, and as many without: %(default)s"
    )
    given = options.parse_args(arguments)
    progress("scans on the simulated stage")
    report("What fly scans cost", [*figures_of(measured(given.n)), *rates()], given.json)


if __name__ == "__main__":
    main()
