"""The descriptions of the example load in a soft IOC, once what needs hardware support is taken out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pvi.device import Device

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.yaml.beamline_file import parse_beamline
from beamwright_generator.problems import Problems
from tests.helpers.paths import ROOT
from tests.helpers.soft_records import soften
from tests.helpers.softioc import free_ports

IOCS = ROOT / "examples" / "x01" / "ioc"

# Runs the lines of a start script that load records, in an IOC made of nothing but base.
SOFT_IOC = """
import sys
from epicscorelibs import ioc
ioc.iocshRegisterCommon()
ioc.dbLoadDatabase(b"base.dbd", ioc.DEFAULT_DBD_PATH.encode(), None)
ioc.registerRecordDeviceDriver(ioc.pdbbase)
failed = [line for line in sys.stdin.read().splitlines() if ioc.ioc(line)]
failed += ["iocInit"] if ioc.iocInit() else []
ioc.ioc("dbl")
sys.exit(f"failed: {failed}" if failed else 0)
"""


def load(ioc: Path, into: Path) -> subprocess.CompletedProcess[str]:
    for file in ioc.iterdir():
        (into / file.name).write_text(soften(file.read_text()))
    script = (ioc / "st.cmd").read_text().splitlines()
    lines = [line for line in script if line.startswith(("epicsEnvSet", "dbLoadRecords", "dbLoadTemplate"))]
    environment = os.environ | {"EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1", "EPICS_CA_SERVER_PORT": str(free_ports(1)[0])}
    return subprocess.run(
        [sys.executable, "-c", SOFT_IOC],
        cwd=into,
        env=environment,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("ioc", "records"),
    [("motion", 0), ("camera", 169 + 166 + 141 + 130), ("vacuum", 3 * 4 + 3 * 4 + 16 + 7)],
)
def test_databases_load_in_a_soft_ioc(ioc: str, records: int, tmp_path: Path) -> None:
    result = load(IOCS / ioc, tmp_path)
    assert result.stderr.splitlines() == ["Starting iocInit", "iocRun: All initialization complete"]
    assert result.returncode == 0
    assert len({line for line in result.stdout.splitlines() if ":" in line}) == records


def test_every_description_is_short_enough_for_its_field() -> None:
    for file in IOCS.rglob("*.template"):
        for description in re.findall(r'field\(DESC, "([^"]*)"\)', file.read_text()):
            assert len(description) <= 40, f"{file.name}: {description!r}"


def test_the_beamline_file_is_valid() -> None:
    path = IOCS.parent / "beamline.yaml"
    problems = Problems()
    parsed = parse_beamline(Source(path, path.name, path.read_text()), problems)
    assert [str(problem) for problem in problems] == []
    assert parsed is not None
    for ioc in parsed[0].iocs:
        files = [ioc.startup] if ioc.startup else ioc.snapshots
        assert files
        assert all((path.parent / file).is_file() for file in files)


def test_the_pvi_file_names_records_that_exist() -> None:
    file = IOCS / "vacuum" / "temperature.pvi.device.yaml"
    device = Device.deserialize(file)
    signals = [signal for group in device.children for signal in group.children]
    pvs = {getattr(signal, key) for signal in signals for key in ("read_pv", "write_pv") if hasattr(signal, key)}
    records = re.findall(r'record\(\w+, "(.*)"\)', (IOCS / "vacuum" / "temperature.template").read_text())
    assert pvs == set(records)
