"""A twin starts from Python or from the shell, beside others, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from beamwright_generator.cli.gen import main
from beamwright_twin import Twin, TwinError
from beamwright_twin.processes.loopback_ports import Ports

BEAMLINE = """
name: b01
iocs:
  - name: TEMPERATURE
    databases: [{file: t.db, macros: {P: "T:"}}]
  - name: MOTION
    databases: [{file: m.db, macros: {P: "M:"}}]
"""
DATABASES = {
    "t.db": """
record(ao, "$(P)SET") { field(DTYP, "asynFloat64") field(OUT, "@asyn(PLC,0)HEAT") field(DRVH, "9") }
record(ai, "$(P)NOW") { field(DTYP, "asynFloat64") field(INP, "@asyn(PLC,0,1)HEAT") field(SCAN, "I/O Intr") }
record(ai, "$(P)CURRENT") { field(EGU, "mA") alias("$(P)I") }
""",
    "m.db": 'record(motor, "$(P)X") { field(DTYP, "asynMotor") field(OUT, "@asyn(MC,0)") field(VELO, "5") }\n',
}
READ = """
import asyncio, sys
from aioca import caget
from p4p.client.thread import Context

async def main():
    with Context("pva") as context:
        print(float(await caget(sys.argv[1])), float(context.get(sys.argv[1])))

asyncio.run(main())
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    for name, text in DATABASES.items():
        (tmp_path / name).write_text(text)
    file = tmp_path / "beamline.yaml"
    file.write_text(BEAMLINE)
    return file


def read(twin: Twin, pv: str) -> list[float]:
    environment = os.environ | twin.environment
    done = subprocess.run(
        [sys.executable, "-c", READ, pv], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [float(value) for value in done.stdout.split()]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline, f"{pids} have not ended"
        os.sched_yield()


def assert_free(environment: dict[str, str]) -> None:
    """Wait until all ports are free: the system may take a moment more than a process to end."""
    for name in ("EPICS_CA_ADDR_LIST", "EPICS_PVA_ADDR_LIST"):
        for address in environment[name].split():
            deadline = time.monotonic() + 30
            while not is_free(int(address.rpartition(":")[2])):
                assert time.monotonic() < deadline, f"{address} is still in use"
                os.sched_yield()


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_two_run_side_by_side_and_leave_nothing(file: Path) -> None:
    before, files = dict(os.environ), set(file.parent.iterdir())
    with Twin(file) as one, Twin(file) as other:
        one.put("T:CURRENT", 300)
        assert read(one, "T:CURRENT") == [300, 300]
        assert read(other, "T:CURRENT") == [0, 0]
        pids = [ioc.pid or 0 for twin in (one, other) for ioc in twin.iocs.values()]
        environments = (one.environment, other.environment)
        assert len(set(pids)) == 4
    assert all(gone(pid) for pid in pids)
    for environment in environments:
        assert_free(environment)
    assert dict(os.environ) == before
    assert set(file.parent.iterdir()) == files


def test_values_are_read_and_written_from_python(file: Path) -> None:
    with Twin(file, only="TEMPERATURE") as twin:
        assert twin.records == {"T:SET": "ao", "T:NOW": "ai", "T:CURRENT": "ai"}
        twin.put("T:SET", 12)
        assert twin.get("T:SET") == 9
        assert twin.get("T:NOW") == 9
        assert twin.get("T:I.EGU") == "mA"
        twin.put("T:CURRENT.HSV", "MAJOR")
        assert twin.get("T:CURRENT.HSV") == 2
        with twin.beam_loss("T:CURRENT"):
            assert twin.get("T:CURRENT") == 0
        with pytest.raises(TwinError, match="does not take 'HUGE'"):
            twin.put("T:CURRENT.HSV", "HUGE")
        with pytest.raises(TwinError, match=r"has no T:CURRENT\.NONE"):
            twin.get("T:CURRENT.NONE")
        with pytest.raises(TwinError, match="no IOC of the twin has M:X"):
            twin.get("M:X")
        with pytest.raises(TwinError, match="no IOC MOTION runs; there are TEMPERATURE"):
            twin.kill("MOTION")
        with pytest.raises(TwinError, match="no behaviour that could fail"), twin.stuck("T:SET"):
            pass
        with pytest.raises(TwinError, match=r"no record matches Z\*"), twin.without("Z*"):
            pass
        with pytest.raises(TwinError, match="runs already"):
            twin.start()


def test_one_record_alone_can_be_served(file: Path) -> None:
    with Twin(file, only="*:NOW") as twin:
        assert twin.records == {"T:NOW": "ai"}


def test_an_ioc_that_is_killed_answers_no_more_and_comes_back(file: Path) -> None:
    with Twin(file, only="TEMPERATURE") as twin:
        with twin.down("TEMPERATURE"), pytest.raises(TwinError, match="does not run"):
            twin.get("T:SET")
        assert twin.get("T:SET") == 0


def test_descriptions_with_errors_start_nothing(file: Path) -> None:
    (file.parent / "t.db").write_text('record(ai, "$(P)A"')
    with pytest.raises(TwinError, match="database-syntax"):
        Twin(file).start()


def test_nothing_to_serve(file: Path) -> None:
    with pytest.raises(TwinError, match="no record that matches 'Z'"):
        Twin(file, only="Z").start()


def test_a_port_that_is_taken(file: Path) -> None:
    ports = Ports()
    taken = ports.claim()
    with pytest.raises(TwinError, match=f"port {taken} is not free"):
        Twin(file, ca_port=taken).start()
    ports.release()


def test_time_runs_at_a_speed_above_zero(file: Path) -> None:
    with pytest.raises(ValueError, match="0 times"):
        Twin(file, speed=0)


def test_time_can_run_faster(file: Path) -> None:
    with Twin(file, only="MOTION", speed=100) as twin:
        start = twin.clock.now()
        twin.put("M:X", 500)
        assert twin.trajectories["M:X"].end - twin.trajectories["M:X"].start == pytest.approx(500 / 5 + 0.2)
        while twin.get("M:X.DMOV") == 0:
            assert twin.clock.now() < start + 5000
        assert twin.get("M:X.RBV") == 500


@contextmanager
def foreground(file: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run `gen twin` until it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "beamwright_generator.cli", "twin", str(file), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        environment: dict[str, str] = {}
        for line in process.stdout:
            name, _, value = line.removeprefix("export ").strip().partition("=")
            environment[name] = value.strip("'")
            if name == "EPICS_PVA_BROADCAST_PORT":
                break
        assert "2 IOCs, 4 records" in process.stderr.readline()
        yield process, environment
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_command_ends_with_all_that_it_started(file: Path, ending: signal.Signals) -> None:
    with foreground(file) as (process, environment):
        pids = children(process.pid)
        assert len(pids) == 2
        process.send_signal(ending)
        assert process.wait(30) == (-signal.SIGKILL if ending == signal.SIGKILL else 0)
        wait_until_gone(pids)
    assert_free(environment)


def test_the_command_ends_with_its_parent(file: Path) -> None:
    starter = (
        "import subprocess, sys; process = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True);"
        "process.stderr.readline(); print(process.pid, flush=True)"
    )
    command = [sys.executable, "-m", "beamwright_generator.cli", "twin", str(file)]
    done = subprocess.run(
        [sys.executable, "-c", starter, *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    wait_until_gone([int(done.stdout.split()[-1])])


def test_the_command_says_what_is_wrong(file: Path) -> None:
    run = CliRunner().invoke(main, ["twin", str(file.parent / "none.yaml")])
    assert run.exit_code == 2
    assert "does not exist" in run.output
    run = CliRunner().invoke(main, ["twin", str(file), "--only", "Z"])
    assert run.exit_code == 1
    assert "no record that matches 'Z'" in run.output
