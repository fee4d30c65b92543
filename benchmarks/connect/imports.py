"""What importing a beamline takes beyond ophyd-async's EPICS support."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.shared.paths import ROOT
from benchmarks.shared.report import Figure, progress

THEIRS = "import ophyd_async.epics.core"
WHOLE = "import beamwright_generated.beamlines.x01"
PANDA_TOO = f"{WHOLE}, beamwright_generated.devices.panda"
"""As in a process whose plans name the classes of the PandA."""
PANDA = "import ophyd_async.fastcs.panda"
"""Brings scanspec, whose models take some 0.4 s to build."""


def import_extra(repetitions: int) -> list[Figure]:
    """Measure in new processes that take turns; all modules have been compiled before, as those of a package are."""
    statements = {"whole": WHOLE, "panda too": PANDA_TOO, "panda": PANDA}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in statements}
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        _import(PANDA_TOO, environment)
        for repetition in range(repetitions):
            progress(f"imports, {repetition + 1} of {repetitions}")
            for name, statement in statements.items():
                taken[name].append(_import(statement, environment))
    wall = {name: statistics.median(seconds for seconds, _ in measured) for name, measured in taken.items()}
    processor = statistics.median(seconds for _, seconds in taken["whole"])
    return [
        Figure("import_extra_s", wall["whole"], "s", "at most 0.05"),
        Figure("import_extra_cpu_s", processor, "s of a processor in the same processes"),
        Figure("import_extra_with_panda_s", wall["panda too"], "s, with the module of its PandA"),
        Figure("import_panda_s", wall["panda"], "s for ophyd-async's support of PandAs alone"),
    ]


def _import(statement: str, environment: dict[str, str]) -> tuple[float, float]:
    code = (
        f"import time\n{THEIRS}\n"
        "t, c = time.perf_counter(), time.process_time()\n"
        f"{statement}\n"
        "print(time.perf_counter() - t, time.process_time() - c)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    seconds, processor = map(float, done.stdout.split())
    return seconds, processor
