"""Devices connect in scripts, in plans, in async code and in notebooks, with one RunEngine after another."""

from __future__ import annotations

import re

import pytest

from tests.helpers.softioc import SoftIoc

pytestmark = pytest.mark.long

BEAMLINE = """
import asyncio
from typing import Annotated as A

import bluesky.plan_stubs as bps
from bluesky import RunEngine
from ophyd_async.core import NotConnectedError, SignalR, SignalRW
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import Beamline, Policy, RecordDevice
from beamwright_runtime.plans import connected, ensure_connected

class Amplifier(RecordDevice):
    gain: A[SignalRW[float], PvSuffix.rbv("Gain")]

class Thermometer(RecordDevice):
    temperature: A[SignalR[float], PvSuffix("Temperature")]

devices = Beamline("x01")

@devices.factory(policy=Policy.EAGER)
def amplifier(protocol: str) -> Amplifier:
    return Amplifier(protocol + "T:")

@devices.factory(policy=Policy.EAGER, optional=True, timeout=0.5)
def absent(protocol: str) -> Thermometer:
    return Thermometer(protocol + "ABSENT:")

def plan(value):
    device = yield from ensure_connected(amplifier)
    yield from bps.abs_set(device.gain, value, wait=True)
    print((yield from bps.rd(device.gain)))

def end(engine):
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join()
"""


@pytest.fixture(params=["ca://", "pva://"])
def beamline(request: pytest.FixtureRequest) -> str:
    """A beamline over one protocol."""
    return f"{BEAMLINE}\ndevices.fixtures['protocol'] = {request.param!r}\n"


def test_a_script_starts_while_an_optional_device_is_absent(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
RE = RunEngine()
starting = devices.start()
RE(plan(1.25))
result = starting.result()
print(list(result.devices), list(result.connection_errors), str(devices.states["amplifier"]))
result.or_raise()
print(devices.summary())
try:
    RE(ensure_connected(absent))
except NotConnectedError as error:
    print("ABSENT:Temperature" in str(error))
""")
    lines = said.splitlines()
    assert lines[0] == "1.25"
    assert lines[1] == "['amplifier', 'absent'] ['absent'] connected"
    assert lines[2] == "x01: 1 of 2 devices connected, 1 unhappy"
    assert lines[3] == "  absent (optional)"
    assert re.fullmatch(r"    temperature: never found \(.+://ABSENT:Temperature\)", lines[4])
    assert lines[-1] == "True"


def test_a_second_run_engine_goes_on_after_the_first_has_ended(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
for value in (1.5, 2.5, 3.5):
    RE = RunEngine()
    amplifier(connect=True)
    RE(plan(value))
    print(str(amplifier.state))
    end(RE)
    print(str(amplifier.state))
""")
    assert said.splitlines() == ["1.5", "connected", "built", "2.5", "connected", "built", "3.5", "connected", "built"]


def test_a_second_run_engine_connects_what_the_first_could_not(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
for _ in range(2):
    RE = RunEngine()
    devices.start()
    try:
        RE(ensure_connected(absent, timeout=0.2))
    except NotConnectedError:
        print("absent")
    RE(plan(4.5))
    end(RE)
""")
    assert said.splitlines() == ["absent", "4.5", "absent", "4.5"]


def test_any_thread_may_connect(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
from concurrent.futures import ThreadPoolExecutor
RE = RunEngine()
with ThreadPoolExecutor(8) as pool:
    got = list(pool.map(lambda _: amplifier(connect=True), range(8)))
print(len(set(map(id, got))))
RE(plan(5.5))
""")
    assert said.splitlines() == ["1", "5.5"]


def test_async_code_needs_no_run_engine(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
async def main():
    starting = asyncio.wrap_future(devices.start())
    device = await amplifier.connect()
    await device.gain.set(6.5)
    print(await device.gain.get_value())
    print(list((await starting).connection_errors))
    try:
        amplifier(connect=True)
    except RuntimeError as error:
        print("use `await" in str(error))

asyncio.run(main())
asyncio.run(main())
""")
    assert said.splitlines() == ["6.5", "['absent']", "True"] * 2


def test_a_notebook_waits_as_it_does_for_a_plan(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
async def cell():
    RE = RunEngine(context_managers=[])
    amplifier(connect=True)
    RE(plan(7.5))

asyncio.run(cell())
""")
    assert said.splitlines() == ["7.5"]


def test_within_a_plan_it_says_what_to_do_instead(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
RE = RunEngine()

def wrong():
    amplifier(connect=True)
    yield from bps.null()

try:
    RE(wrong())
except RuntimeError as error:
    print("yield from ensure_connected(device)" in str(error))
RE(plan(8.5))
""")
    assert said.splitlines() == ["True", "8.5"]


def test_a_decorated_plan_connects_over_the_network(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
RE = RunEngine()

@connected
def read(device):
    print((yield from bps.rd(device.gain)) > 0)

RE(read(amplifier()))
try:
    RE(connected(read)(absent()))
except NotConnectedError as error:
    print("ABSENT:Temperature" in str(error))
""")
    assert said.splitlines() == ["True", "True"]


def test_settings_are_stored_and_applied(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
import tempfile
from ophyd_async.core import YamlSettingsProvider
from ophyd_async.plan_stubs import (
    apply_settings, apply_settings_if_different, get_current_settings, retrieve_settings, store_settings,
)
from ophyd_async.plan_stubs import ensure_connected as shipped

RE = RunEngine()

def settings(folder):
    device = amplifier()
    yield from shipped(device)
    provider = YamlSettingsProvider(folder)
    yield from bps.abs_set(device.gain, 9.5, wait=True)
    yield from store_settings(provider, "good", device)
    yield from bps.abs_set(device.gain, 1.0, wait=True)
    yield from apply_settings((yield from retrieve_settings(provider, "good", device)))
    print((yield from bps.rd(device.gain)))
    now = yield from get_current_settings(device)
    print(now[device.gain])
    yield from bps.abs_set(device.gain, 2.0, wait=True)
    yield from apply_settings_if_different(now, apply_settings)
    print((yield from bps.rd(device.gain)))

with tempfile.TemporaryDirectory() as folder:
    RE(settings(folder))
""")
    assert said.splitlines() == ["9.5", "9.5", "9.5"]


def test_a_generated_beamline_starts_with_every_ioc_away(soft_ioc: SoftIoc) -> None:
    said = soft_ioc.client("""
from bluesky import RunEngine
from beamwright_generated.beamlines import x01

RE = RunEngine()
result = x01.devices.build_and_connect(timeout=0.3)
print(len(result.devices), list(result.build_errors), len(result.connection_errors))
print(x01.devices.summary().splitlines()[0])
""")
    assert said.splitlines() == [
        "14 ['camera', 'panda'] 6",
        "x01: 0 of 16 devices connected, 6 unhappy, 10 not asked for",
    ]


def test_a_device_that_goes_away_is_unhappy(beamline: str) -> None:
    with SoftIoc('record(ao, "T:Gain") {}', 'record(ai, "T:Gain_RBV") {}') as ioc:
        said = ioc.client(
            f"""{beamline}
import os, signal, sys
from beamwright_runtime import on_connection_change

RE = RunEngine(context_managers=[])
device = amplifier(connect=True)

async def watch():
    changed = asyncio.Event()
    on_connection_change(lambda event: changed.set(), device)
    return changed

def run(work):
    return asyncio.run_coroutine_threadsafe(work, RE.loop).result(30)

changed = run(watch())
RE(ensure_connected(device))
print(amplifier.state)
os.kill(int(sys.argv[1]), signal.SIGKILL)
run(changed.wait())
print(amplifier.state)
print(devices.summary())
try:
    RE(ensure_connected(device, timeout=0.3))
except NotConnectedError as error:
    print("T:Gain" in str(error))
""",
            str(ioc.pid),
        )
    connected, lost, *summary, failed = said.splitlines()
    assert connected == "connected"
    assert re.match(r"unhappy, because [12] of its PVs went away: .+://T:Gain(_RBV)?\b", lost)
    assert summary[:2] == ["x01: 0 of 2 devices connected, 1 unhappy, 1 not asked for", "  amplifier"]
    assert re.fullmatch(r"    gain: disconnected \(.+://T:Gain(_RBV)?\)", summary[2])
    assert failed == "True"


def test_a_process_ends_well_that_connects_before_it_makes_a_run_engine(soft_ioc: SoftIoc, beamline: str) -> None:
    said = soft_ioc.client(f"""{beamline}
device = asyncio.run(amplifier.connect())
loop = asyncio.new_event_loop()
kept = loop.run_until_complete(Amplifier("ca://T:", "kept").connect())
RE = RunEngine()
RE(plan(9.5))
""")
    assert said.splitlines() == ["9.5"]
