"""A small beamline whose running IOCs serve other things than its files say, written into a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CAMERA = """\
record(ao, "$(P)Gain") {}
record(ai, "$(P)Gain_RBV") {}
record(longout, "$(P)Count") {}
record(mbbo, "$(P)Mode") { field(DTYP, "asynInt32") field(ZRST, "Slow") field(ONST, "Fast") }
record(mbbi, "$(P)Mode_RBV") { field(DTYP, "asynInt32") field(ZRST, "Slow") field(ONST, "Fast") }
record(mbbo, "$(P)Filter") { field(DTYP, "asynInt32") }
record(bo, "$(P)Shutter") { field(DTYP, "asynInt32") field(ZNAM, "No") field(ONAM, "Yes") }
record(waveform, "$(P)Trace") { field(FTVL, "$(FTVL)") field(NELM, "$(NELM)") }
record(seq, "$(P)Sequence") {}
record(stringin, "$(P)Gone") {}
"""
"""What the files say."""

SERVED = """\
record(ao, "$(P)Gain") {}
record(ai, "$(P)Gain_RBV") {}
record(ao, "$(P)Count") {}
record(longin, "$(P)Count_RBV") {}
record(mbbo, "$(P)Mode") { field(ZRST, "Slow") field(ONST, "Fast") field(TWST, "Turbo: 2") }
record(mbbi, "$(P)Mode_RBV") { field(ZRST, "Slow") field(ONST, "Fast") field(TWST, "Turbo: 2") }
record(mbbo, "$(P)Filter") { field(ZRST, "Out") field(ONST, "Al") }
record(bo, "$(P)Shutter") { field(ZNAM, "Closed") field(ONAM, "Open") }
record(waveform, "$(P)Trace") { field(FTVL, "DOUBLE") field(NELM, "100") }
record(seq, "$(P)Sequence") {}
"""
"""What runs."""

GAUGE = 'record(ai, "$(P)PRESSURE") {}\nrecord(mbbi, "$(P)STATE") { field(DTYP, "asynInt32") field(ZRST, "Off") }\n'
GAUGE_SERVED = 'record(ai, "$(P)PRESSURE") {}\nrecord(mbbi, "$(P)STATE") { field(ZRST, "Off") field(ONST, "On") }\n'

NOBODY = {
    "EPICS_CA_ADDR_LIST": "127.0.0.1:9",
    "EPICS_CA_AUTO_ADDR_LIST": "NO",
    "EPICS_PVA_ADDR_LIST": "127.0.0.1:9",
    "EPICS_PVA_AUTO_ADDR_LIST": "NO",
}
"""Where no IOC is: the port on which everything is thrown away."""

BEAMLINE = """\
name: b01
observations: observations.yaml
{more}iocs:
  - name: B01-EA-IOC-01
    databases:
      - {{file: camera.template, macros: {{P: "B01-EA-CAM-01:"}}}}
  - name: B01-VA-IOC-01
    {vacuum}databases:
      - {{file: gauge.template, macros: {{P: "B01-VA-GAUGE-01:"}}}}
"""


def write_site(folder: Path, more: str = "", vacuum: str = "") -> Path:
    """Write the beamline file and what it names; give the file.

    :param more: further keys of the beamline; `vacuum` of its vacuum IOC.
    """
    (folder / "pyproject.toml").touch()
    (folder / "camera.template").write_text(CAMERA)
    (folder / "gauge.template").write_text(GAUGE)
    file = folder / "beamline.yaml"
    file.write_text(BEAMLINE.format(more=more, vacuum=vacuum))
    return file


def camera(served: str = SERVED) -> str:
    """Give the records of the running camera."""
    return served.replace("$(P)", "B01-EA-CAM-01:")


def gauge() -> str:
    """Give the records of the running gauge."""
    return GAUGE_SERVED.replace("$(P)", "B01-VA-GAUGE-01:")


def joined(*environments: Mapping[str, str]) -> dict[str, str]:
    """Give the environment that finds what each of several finds, and nothing else."""
    addresses = ("EPICS_CA_ADDR_LIST", "EPICS_PVA_ADDR_LIST")
    return {**environments[0], **{key: " ".join(one[key] for one in environments) for key in addresses}}


def gen(folder: Path, env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `gen` in a folder and in a process of its own, because a client reads where to search once."""
    return python(folder, env, "-m", "beamwright_generator.cli", *arguments)


def python(folder: Path, env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder and in a process of its own."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done
