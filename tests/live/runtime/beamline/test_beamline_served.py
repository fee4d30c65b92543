"""Factories of a beamline open nothing before they are called, and need only a RunEngine."""

from __future__ import annotations

from tests.helpers.softioc import SoftIoc


def test_importing_a_generated_beamline_makes_nothing_and_opens_nothing(soft_ioc: SoftIoc) -> None:
    said = soft_ioc.client("""
import os, threading
from beamwright_generated.beamlines import x01
from beamwright_runtime import get_device_factories

def sockets():
    opened = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return [os.readlink(path) for path in opened if os.path.exists(path) and "socket" in os.readlink(path)]

print(len(get_device_factories(x01)) == len(x01.devices), {str(state) for state in x01.devices.states.values()})
print(threading.active_count(), sockets())
""")
    assert said.splitlines() == ["True {'not built'}", "1 []"]


def test_a_script_reads_a_record_with_nothing_but_a_run_engine(soft_ioc: SoftIoc) -> None:
    script = """
from typing import Annotated as A
import bluesky.plan_stubs as bps
from aioca import purge_channel_caches
from bluesky import RunEngine
from ophyd_async.core import SignalRW
from ophyd_async.epics.core import PvSuffix
from beamwright_runtime import RecordDevice, device_factory

class Amplifier(RecordDevice):
    gain: A[SignalRW[float], PvSuffix.rbv("Gain")]

@device_factory()
def amplifier() -> Amplifier:
    return Amplifier("T:")

RE = RunEngine()
gain = amplifier(connect=True).gain
RE(bps.mv(gain, 3.5))
print(gain.name, RE(bps.rd(gain)))
"""
    assert "amplifier-gain" in soft_ioc.client(script)
