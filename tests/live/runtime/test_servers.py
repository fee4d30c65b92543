"""Servers that are slow, hang, die, return, or serve what another serves too; and routes that are lost."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.long

BOTH = pytest.mark.parametrize("protocol", ["ca://", "pva://"])

CLIENT = """
import asyncio, os, select, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Annotated as A

from ophyd_async.core import DeviceVector, NotConnectedError, SignalR, SignalRW
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import (
    RecordDevice, connect_tree, connection_problems, connection_events, disconnected_signals, is_connected,
    on_connection_change,
)
from tests.helpers.softioc import SoftIoc, free_ports

PROTOCOL = sys.argv[1]
RECORDS = 'record(ao, "M:Gain") {field(VAL, "2.5")} record(longout, "M:Count") {field(VAL, "7")}'

class Amplifier(RecordDevice):
    gain: A[SignalRW[float], PvSuffix("Gain")]
    count: A[SignalRW[int], PvSuffix("Count")]

class Part(RecordDevice):
    value: A[SignalR[float], PvSuffix("")]

@contextmanager
def serving(*iocs):
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        for ioc in iocs:
            stack.callback(ioc.stop)
        list(pool.map(SoftIoc.start, iocs))
        os.environ.update(iocs[0].environment)
        for name in ("EPICS_CA_ADDR_LIST", "EPICS_PVA_ADDR_LIST"):
            os.environ[name] = " ".join(ioc.environment[name] for ioc in iocs)
        yield

def run(main, *iocs):
    with serving(*iocs):
        asyncio.run(asyncio.wait_for(main(*iocs), 100))

@contextmanager
def hung(ioc):
    os.kill(ioc.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, ioc.pid, os.WSTOPPED | os.WNOWAIT)  # until then a thread may still answer
    try:
        yield
    finally:
        os.kill(ioc.pid, signal.SIGCONT)

async def until(device, connected):
    async with asyncio.timeout(60):
        async for event in connection_events(device):
            if event.connected is connected:
                return

async def until_lost(device, what):
    began = time.monotonic()
    await until(device, connected=False)
    print(f"{what} known after {time.monotonic() - began:.1f} s", file=sys.stderr)
"""


def start(code: str, protocol: str, *within: str) -> subprocess.Popen[str]:
    """Start a client that makes IOCs of its own and is their parent, so that it is told when one has stopped.

    :param protocol: that it connects over; its `PROTOCOL`.
    :param within: a command that runs it.
    """
    return subprocess.Popen(
        [*within, sys.executable, "-c", CLIENT + code, protocol],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def client(code: str, protocol: str = "ca://", *within: str) -> list[str]:
    """Run a client, and give the lines it prints."""
    with start(code, protocol, *within) as process:
        said, errors = process.communicate(timeout=150)
    assert process.returncode == 0, said + errors
    sys.stderr.write(errors)
    return said.splitlines()


@BOTH
def test_a_server_that_answers_late_is_waited_for(protocol: str) -> None:
    said = client(
        """
async def main(ioc):
    device = Amplifier(PROTOCOL + "M:", "amplifier")
    with hung(ioc):
        connecting = asyncio.create_task(device.connect(timeout=60))
        try:
            await device.connect(timeout=0.5)
        except NotConnectedError as error:
            print(str(error).splitlines()[-1].strip())
    await connecting
    print(is_connected(device), await device.count.get_value())

run(main, SoftIoc(RECORDS))
""",
        protocol,
    )
    assert said == [f"count: never found ({protocol}M:Count)", "True 7"]


@BOTH
def test_a_server_that_hangs_is_known_when_the_library_gives_up(protocol: str) -> None:
    said = client(
        """
async def main(ioc):
    device = Amplifier(PROTOCOL + "M:", "amplifier")
    for _ in range(2):  # the second time, monitors watch what has been found
        await device.connect(timeout=30)
    with hung(ioc):
        await device.connect(timeout=0.2)
        print("at once", is_connected(device))
        await until_lost(device, "hang")
        print({str(problem.fault) for problem in connection_problems(device)})
        try:
            await device.connect(timeout=0.2)
        except NotConnectedError as error:
            print("then", "disconnected" in str(error))
    await device.connect(timeout=60)
    print("healed", is_connected(device), await device.count.get_value())

os.environ.update(EPICS_CA_CONN_TMO="1", EPICS_PVA_CONN_TMO="1")
run(main, SoftIoc(RECORDS))
""",
        protocol,
    )
    assert said == ["at once True", "{'disconnected'}", "then True", "healed True 7"]


@BOTH
def test_a_server_that_hangs_is_named_by_who_asks_it_again(protocol: str) -> None:
    said = client(
        """
async def main(ioc):
    device = Amplifier(PROTOCOL + "M:", "amplifier")
    await device.connect(timeout=30)
    with hung(ioc):
        for _ in range(2):
            try:
                await device.connect(timeout=0.5, force_reconnect=True)
            except NotConnectedError as error:
                print({str(problem.fault) for problem in error.problems}, is_connected(device))
    await device.connect(timeout=60)
    print(is_connected(device))

run(main, SoftIoc(RECORDS))
""",
        protocol,
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


@BOTH
@pytest.mark.soak
def test_a_route_that_is_lost_is_known_when_the_library_gives_up(protocol: str, namespace: tuple[str, ...]) -> None:
    said = client(
        """
import subprocess

def link(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)

async def main(ioc):
    device = Amplifier(PROTOCOL + "M:", "amplifier")
    for _ in range(2):  # the second time, monitors watch what has been found
        await device.connect(timeout=30)
    link("down")
    print("at once", is_connected(device))
    await until_lost(device, "route")
    link("up")
    await device.connect(timeout=60)
    print("healed", is_connected(device), await device.count.get_value())

os.environ.update(EPICS_CA_CONN_TMO="1", EPICS_PVA_CONN_TMO="1")
link("up")
run(main, SoftIoc(RECORDS))
""",
        protocol,
        *namespace,
    )
    assert said == ["at once True", "healed True 7"]


def test_a_name_that_two_servers_have_is_taken_from_one_and_the_other_is_named() -> None:
    code = """
async def main(*_):
    device = Amplifier("M:", "amplifier")
    await device.connect(timeout=30)
    await device.gain.set(3.5)
    print(is_connected(device), await device.gain.get_value(), flush=True)
    # The warning comes with the answer of the slower server, and ends this.
    await asyncio.to_thread(select.select, [sys.stdin], [], [], 60)

run(main, SoftIoc(RECORDS), SoftIoc(RECORDS))
"""
    with start(code, "ca://") as process:
        assert process.stderr is not None
        assert any("Identical process variable names on multiple servers" in line for line in process.stderr)
        said, errors = process.communicate("\n", timeout=100)
    assert (said, process.returncode) == ("True 3.5\n", 0), errors


def test_a_server_that_dies_while_its_channels_connect_is_reported() -> None:
    """All channels are there before the server is killed now and then, on a busy machine: then once more."""
    code = """
async def main(ioc):
    device = DeviceVector({number: Part(f"M:{number}") for number in range(3000)}, name="parts")
    on_connection_change(lambda _: ioc.kill(), device[0])
    try:
        await connect_tree(device, timeout=2)
    except NotConnectedError as error:
        print("failed", len(error.problems) + sum(map(is_connected, device.values())))
        print(len(disconnected_signals(device)))

run(main, SoftIoc("".join(f'record(ai, "M:{number}") {{}}' for number in range(3000))))
"""
    outcomes = (client(code) for _ in range(5))
    assert next((said for said in outcomes if said), []) == ["failed 3000", "3000"]


@pytest.mark.parametrize("protocol", [pytest.param("ca://", marks=pytest.mark.soak), "pva://"])
def test_an_ioc_that_returns_is_healed_by_a_plan_that_goes_on(protocol: str) -> None:
    said = client(
        """
import bluesky.plan_stubs as bps
from bluesky import RunEngine
from beamwright_runtime.plans import ensure_connected

device = Amplifier(PROTOCOL + "M:", "amplifier")

def plan(ioc):
    for _ in range(2):  # the second time, monitors watch what has been found
        yield from ensure_connected(device)
    ioc.kill()
    yield from bps.wait_for([lambda: until(device, connected=False)])
    try:
        yield from ensure_connected(device, timeout=0.2)
    except NotConnectedError:
        print("away")
    ioc.start()
    yield from ensure_connected(device, timeout=60)
    yield from bps.mv(device.gain, 4.5)
    print("back", (yield from bps.rd(device.count)))

ioc = SoftIoc(RECORDS, ports=free_ports(3))
with serving(ioc):
    RunEngine(context_managers=[])(plan(ioc))
""",
        protocol,
    )
    assert said == ["away", "back 7"]


@pytest.mark.parametrize(("count", "seconds"), [(1000, 2), pytest.param(10_000, 5, marks=pytest.mark.soak)])
def test_one_percent_of_many_pvs_missing_are_all_named_and_the_others_connected(count: int, seconds: int) -> None:
    said = client(
        f"""
COUNT = {count}

async def main(_):
    device = DeviceVector({{number: Part(f"M:{{number}}") for number in range(COUNT)}}, name="parts")
    try:
        await connect_tree(device, timeout={seconds})
    except NotConnectedError as error:
        print(str(error).splitlines()[0].partition(" in ")[0])
        print(sorted(int(problem.pv.rpartition(":")[2]) for problem in error.problems) == list(range(50, COUNT, 100)))
        print({{str(problem.fault) for problem in error.problems}})
    print(sum(map(is_connected, device.values())), await device[COUNT - 1].value.get_value())

run(main, SoftIoc("".join(f'record(ai, "M:{{n}}") {{{{}}}}' for n in range(COUNT) if n % 100 != 50)))
"""
    )
    there = count - count // 100
    assert said == [f"parts: {there} of {count} devices connected", "True", "{'never found'}", f"{there} 0.0"]


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.soak)])
def test_many_servers_in_one_tree(count: int) -> None:
    said = client(
        f"""
COUNT = {count}

async def main(*iocs):
    device = DeviceVector({{number: Amplifier(f"M{{number}}:") for number in range(COUNT)}}, name="fan")
    await connect_tree(device, timeout=30)
    print(is_connected(device), {{await part.count.get_value() for part in device.values()}})
    iocs[3].kill()
    await until(device[3], connected=False)
    print(is_connected(device), [number for number, part in device.items() if not is_connected(part)])
    try:
        await connect_tree(device, timeout=0.3)
    except NotConnectedError as error:
        print(sorted({{problem.device for problem in error.problems}}), len(error.problems))

run(main, *(SoftIoc(RECORDS.replace("M:", f"M{{number}}:")) for number in range(COUNT)))
"""
    )
    assert said == ["True {7}", "False [3]", "['3'] 2"]


STATES = """
import logging
from ophyd_async.core import StrictEnum

class Mode(StrictEnum):
    ONE = "One"
    TWO = "Two"

class Setting(RecordDevice):
    mode: A[SignalR[Mode], PvSuffix("")]

MODES = "".join(f'record(mbbo, "M:{n}") {{field(ZRST, "One") field(ONST, "Two")}}' for n in range(100))
warnings = []
logging.getLogger("beamwright").addFilter(warnings.append)

async def fails(device):
    try:
        await connect_tree(device, timeout=0.5, force_reconnect=True)
    except NotConnectedError as error:
        print(len(error.problems), {str(problem.fault) for problem in error.problems})

"""


def test_the_states_of_many_are_known_though_the_server_hangs_meanwhile() -> None:
    said = client(
        STATES
        + """
async def main(ioc):
    device = DeviceVector({n: Setting(f"M:{n}") for n in range(100)}, name="settings")
    await connect_tree(device, timeout=30)
    with hung(ioc):
        await fails(device)
    await connect_tree(device, timeout=30)
    print({await part.mode.get_value() for part in device.values()})

run(main, SoftIoc(MODES))
"""
    )
    assert said == ["100 {'no answer'}", "{<Mode.ONE: 'One'>}"]


def test_a_server_that_dies_while_states_are_asked_for_is_told_of_once() -> None:
    said = client(
        STATES
        + """
async def main(ioc):
    device = DeviceVector({n: Setting(f"M:{n}") for n in range(100)}, name="settings")
    await connect_tree(device, timeout=30)
    os.kill(ioc.pid, signal.SIGSTOP)
    asking = asyncio.create_task(fails(device))
    while not device[99].mode._connector.backend.channels[0].pending:
        await asyncio.sleep(0)
    ioc.kill()
    await asking
    print(len(warnings))
    ioc.start()
    await connect_tree(device, timeout=60)
    print(is_connected(device))

ioc = SoftIoc(MODES, ports=free_ports(3))
run(main, ioc)
"""
    )
    assert said == ["100 {'disconnected'}", "1", "True"]


def test_states_that_have_changed_are_found_in_many() -> None:
    said = client(
        STATES
        + """
async def main(ioc, other):
    device = DeviceVector({n: Setting(f"M:{n}") for n in range(200)}, name="settings")
    try:
        await connect_tree(device, timeout=30)
    except NotConnectedError as error:
        print(len(error.problems), {str(problem.fault) for problem in error.problems})
    print(await device[0].mode.get_value(), is_connected(device[0]), is_connected(device[100]))

others = "".join(f'record(mbbo, "M:{n}") {{field(ZRST, "One") field(ONST, "Three")}}' for n in range(100, 200))
run(main, SoftIoc(MODES), SoftIoc(others))
"""
    )
    assert said == ['100 {\'choices differ: missing "Two", extra "Three"\'}', "One True False"]
