"""Servers that are slow, hang, die, return, or serve what another serves too; and routes that are lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.softioc import SoftIoc, free_ports

RECORDS = 'record(ao, "M:Gain") {field(VAL, "2.5")} record(longout, "M:Count") {field(VAL, "7")}'

CLIENT = """
import asyncio, os, signal, sys, time
from pathlib import Path
from typing import Annotated as A

from ophyd_async.core import DeviceVector, NotConnectedError, SignalR, SignalRW
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import (
    RecordDevice, connect_tree, connection_events, connection_problems, disconnect, disconnected_signals, is_connected,
)

class Amplifier(RecordDevice):
    gain: A[SignalRW[float], PvSuffix("Gain")]
    count: A[SignalRW[int], PvSuffix("Count")]

def stop(pid):
    # The signal is on its way for a moment, in which a thread may still answer.
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    while any(stat.read_text().rpartition(")")[2].split()[0] != "T" for stat in threads.glob("*/stat")):
        pass

async def until(device, connected):
    async with asyncio.timeout(60):
        async for event in connection_events(device):
            if event.connected is connected:
                return
"""


def environment_of(*iocs: SoftIoc) -> dict[str, str]:
    """Give the variables that make a client find several IOCs."""
    together = {**os.environ, **iocs[0].environment}
    for name in ("EPICS_CA_ADDR_LIST", "EPICS_PVA_ADDR_LIST"):
        together[name] = " ".join(ioc.environment[name] for ioc in iocs)
    return together


def client(code: str, *iocs: SoftIoc, **variables: str) -> tuple[list[str], str]:
    """Run a client of several IOCs, with their process ids as arguments; give the lines it prints and its errors."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT + code, *(str(ioc.pid) for ioc in iocs)],
        env=environment_of(*iocs) | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.stderr.write(done.stderr)
    return done.stdout.splitlines(), done.stderr


@pytest.fixture
def ioc() -> Iterator[SoftIoc]:
    with SoftIoc(RECORDS) as running:
        yield running


@pytest.mark.parametrize("protocol", ["ca://", "pva://"])
def test_a_server_that_answers_late_is_waited_for(ioc: SoftIoc, protocol: str) -> None:
    said, _ = client(
        f"""
pid = int(sys.argv[1])
stop(pid)

async def main():
    device = Amplifier("{protocol}M:", "amplifier")
    connecting = asyncio.create_task(device.connect(timeout=60))
    try:
        await device.connect(timeout=0.5)
    except NotConnectedError as error:
        print(str(error).splitlines()[-1].strip())
    os.kill(pid, signal.SIGCONT)
    await connecting
    print(is_connected(device), await device.count.get_value())

asyncio.run(main())
""",
        ioc,
    )
    assert said == [f"count: never found ({protocol}M:Count)", "True 7"]


def test_a_server_that_hangs_is_known_when_libca_gives_up(ioc: SoftIoc) -> None:
    said, _ = client(
        """
pid = int(sys.argv[1])

async def main():
    device = Amplifier("M:", "amplifier")
    await device.connect(timeout=30)
    stop(pid)
    began = time.monotonic()
    await device.connect(timeout=0.2)
    print("at once", is_connected(device))
    await until(device, connected=False)
    print(f"hang known after {time.monotonic() - began:.1f} s", file=sys.stderr)
    print({str(problem.fault) for problem in connection_problems(device)})
    try:
        await device.connect(timeout=0.2)
    except NotConnectedError as error:
        print("then", "disconnected" in str(error))
    os.kill(pid, signal.SIGCONT)
    await device.connect(timeout=60)
    print("healed", is_connected(device), await device.count.get_value())

asyncio.run(main())
""",
        ioc,
        EPICS_CA_CONN_TMO="2",
    )
    assert said == ["at once True", "{'disconnected'}", "then True", "healed True 7"]


def test_a_server_that_hangs_is_named_by_who_asks_it_again(ioc: SoftIoc) -> None:
    said, _ = client(
        """
pid = int(sys.argv[1])

async def main():
    device = Amplifier("M:", "amplifier")
    await device.connect(timeout=30)
    stop(pid)
    for _ in range(2):
        try:
            await device.connect(timeout=0.5, force_reconnect=True)
        except NotConnectedError as error:
            print({str(problem.fault) for problem in error.problems}, is_connected(device))
    os.kill(pid, signal.SIGCONT)
    await device.connect(timeout=60)
    print(is_connected(device))

asyncio.run(main())
""",
        ioc,
    )
    assert said == ["{'no answer'} False", "{'no answer'} False", "True"]


@pytest.fixture(scope="module")
def namespace() -> tuple[str, ...]:
    """The command that gives a process a network of its own, so that its route may be taken away."""
    command = ("unshare", "--user", "--map-root-user", "--net")
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("a lost route needs unshare and ip of Linux")
    tried = subprocess.run([*command, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"a lost route needs a network namespace: {tried.stderr.strip()}")
    return command


LOST_ROUTE = """
import subprocess
from tests.softioc import SoftIoc

def link(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)

link("up")

async def main():
    device = Amplifier("M:", "amplifier")
    await device.connect(timeout=30)
    link("down")
    began = time.monotonic()
    print("at once", is_connected(device))
    await until(device, connected=False)
    print(f"known to be lost after {time.monotonic() - began:.1f} s", file=sys.stderr)
    link("up")
    await device.connect(timeout=60)
    print("healed", is_connected(device), await device.count.get_value())

with SoftIoc(RECORDS) as ioc:
    os.environ.update(ioc.environment)
    asyncio.run(main())
"""


def test_a_route_that_is_lost_is_known_when_libca_gives_up(namespace: tuple[str, ...], repository: Path) -> None:
    done = subprocess.run(
        [*namespace, sys.executable, "-c", f"RECORDS = {RECORDS!r}\n{CLIENT}{LOST_ROUTE}"],
        env=os.environ | {"EPICS_CA_CONN_TMO": "2"},
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.stderr.write(done.stderr)
    assert done.stdout.splitlines() == ["at once True", "healed True 7"]


def test_a_name_that_two_servers_have_is_taken_from_one_and_the_other_is_named() -> None:
    with SoftIoc(RECORDS) as first, SoftIoc(RECORDS) as second:
        said, warned = client(
            """
async def main():
    device = Amplifier("M:", "amplifier")
    await device.connect(timeout=30)
    await device.gain.set(3.5)
    print(is_connected(device), await device.gain.get_value())

asyncio.run(main())
import time
time.sleep(1)  # libca's warning comes with the answer of the slower server
""",
            first,
            second,
        )
    assert said == ["True 3.5"]
    assert "Identical process variable names on multiple servers" in warned


def test_a_server_that_dies_while_its_channels_connect_is_reported_and_healed() -> None:
    ports = free_ports(3)
    records = "".join(f'record(ai, "M:{number}") {{}}\n' for number in range(3000))
    with SoftIoc(records, ports=ports) as ioc:
        said, _ = client(
            """
class Part(RecordDevice):
    value: A[SignalR[float], PvSuffix("")]

async def main():
    device = DeviceVector({number: Part(f"M:{number}") for number in range(3000)}, name="parts")
    connecting = asyncio.create_task(connect_tree(device, timeout=2))
    while not any(is_connected(part) for part in device.values()):
        await asyncio.sleep(0)
    os.kill(int(sys.argv[1]), signal.SIGKILL)
    try:
        await connecting
    except NotConnectedError as error:
        print(type(error).__name__, len(error.problems) + sum(map(is_connected, device.values())))
    else:
        await until(device, connected=False)
        print("ConnectionFailedError", 3000)
    print(len(disconnected_signals(device)), flush=True)
    sys.stdin.readline()

asyncio.run(main())
""",
            ioc,
        )
        ioc.kill()
    assert said == ["ConnectionFailedError 3000", "3000"]


def test_an_ioc_that_returns_is_healed_by_a_plan_that_goes_on() -> None:
    with SoftIoc(RECORDS, ports=free_ports(3)) as ioc:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"""{CLIENT}
import bluesky.plan_stubs as bps
from bluesky import RunEngine
from beamwright_runtime.plans import ensure_connected

device = Amplifier("M:", "amplifier")

def plan():
    yield from ensure_connected(device)
    print("connected", flush=True)
    sys.stdin.readline()
    yield from bps.wait_for([lambda: until(device, connected=False)])
    try:
        yield from ensure_connected(device, timeout=0.2)
    except NotConnectedError:
        print("away", flush=True)
    yield from ensure_connected(device, timeout=60)
    yield from bps.mv(device.gain, 4.5)
    print("back", (yield from bps.rd(device.count)), flush=True)

RunEngine(context_managers=[])(plan())
""",
            ],
            env={**os.environ, **ioc.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "connected\n"
            ioc.kill()
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "away\n"
            ioc.start()
            assert process.stdout.readline() == "back 7\n"
        assert process.returncode == 0


def test_one_percent_of_ten_thousand_pvs_missing_are_all_named_and_the_others_connected() -> None:
    records = "".join(f'record(ai, "M:{number}") {{}}\n' for number in range(10_000) if number % 100 != 50)
    with SoftIoc(records) as ioc:
        said, _ = client(
            """
class Part(RecordDevice):
    value: A[SignalR[float], PvSuffix("")]

async def main():
    device = DeviceVector({number: Part(f"M:{number}") for number in range(10_000)}, name="parts")
    began = time.monotonic()
    try:
        await connect_tree(device, timeout=5)
    except NotConnectedError as error:
        print(f"{time.monotonic() - began:.3f} s", file=sys.stderr)
        print(str(error).splitlines()[0].partition(" in ")[0])
        print(sorted(int(problem.pv.rpartition(":")[2]) for problem in error.problems) == list(range(50, 10_000, 100)))
        print({str(problem.fault) for problem in error.problems})
    print(sum(map(is_connected, device.values())), await device[9_999].value.get_value())

asyncio.run(main())
""",
            ioc,
        )
    assert said == ["parts: 9900 of 10000 devices connected", "True", "{'never found'}", "9900 0.0"]


def test_twenty_servers_in_one_tree() -> None:
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        iocs = [SoftIoc(RECORDS.replace("M:", f"M{number}:")) for number in range(20)]
        for ioc in iocs:
            stack.callback(ioc.stop)
        list(pool.map(SoftIoc.start, iocs))
        said, _ = client(
            """
pids = [int(pid) for pid in sys.argv[1:]]

async def main():
    device = DeviceVector({number: Amplifier(f"M{number}:") for number in range(20)}, name="fan")
    await connect_tree(device, timeout=30)
    print(is_connected(device), sum([await part.count.get_value() for part in device.values()]))
    gone = asyncio.create_task(until(device[13], connected=False))
    os.kill(pids[13], signal.SIGKILL)
    await gone
    print(is_connected(device), [number for number, part in device.items() if not is_connected(part)])
    try:
        await connect_tree(device, timeout=0.3)
    except NotConnectedError as error:
        print(sorted({problem.device for problem in error.problems}), len(error.problems))

asyncio.run(main())
""",
            *iocs,
        )
    assert said == ["True 140", "False [13]", "['13'] 2"]
