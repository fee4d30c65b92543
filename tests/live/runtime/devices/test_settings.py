"""The plan stubs of ophyd-async store the settings of generated devices, and apply them, over Channel Access."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.soft_records import place
from tests.helpers.softioc import SoftIoc


@pytest.fixture
def camera_ioc(repository: Path) -> Iterator[SoftIoc]:
    """The driver of the example beamline's camera; each readback has followed when a put to its setpoint has ended."""
    template = repository / "examples" / "x01" / "ioc" / "camera" / "simDetector.template"
    records = place(template, P="CAM-01:", R="CAM:", PORT="SIM1")
    names = set(re.findall(r'^record\(\w+, "(.+)"\)', records, flags=re.M))
    follow = [
        f'record("*", "{name}") {{field(FLNK, "{name}_RBV")}}'
        f'record("*", "{name}_RBV") {{field(SCAN, "Passive") field(INP, "{name}")}}'
        for name in sorted(names)
        if f"{name}_RBV" in names
    ]
    with SoftIoc(records, "\n".join(follow)) as ioc:
        yield ioc


SETTINGS = """
import sys
from pathlib import Path

import bluesky.plan_stubs as bps
from bluesky import RunEngine
from ophyd_async.core import YamlSettingsProvider
from ophyd_async.plan_stubs import (
    apply_settings, apply_settings_if_different, get_current_settings, retrieve_settings, store_settings,
)

from beamwright_generated.devices.sim_detector import SimDetector, SimDetectorSimMode
from beamwright_runtime import device_factory
from beamwright_runtime.plans import ensure_connected

provider = YamlSettingsProvider(Path(sys.argv[1]))

@device_factory()
def driver() -> SimDetector:
    return SimDetector("CAM-01:CAM:")

def change(camera, gain, mode, rate):
    yield from bps.mv(camera.gain_x, gain, camera.sim_mode, mode, camera.acquire_period, rate)

def show(camera):
    gain = yield from bps.rd(camera.gain_x)
    mode = yield from bps.rd(camera.sim_mode)
    print(gain, mode, (yield from bps.rd(camera.acquire_period)))

GOOD = 2.5, SimDetectorSimMode.PEAKS, 0.25
BAD = 1.0, SimDetectorSimMode.SINE, 0.5
"""


def test_settings_of_a_generated_device_come_back_from_yaml(camera_ioc: SoftIoc, tmp_path: Path) -> None:
    said = camera_ioc.client(
        f"""{SETTINGS}
def plan():
    camera = yield from ensure_connected(driver)
    yield from change(camera, *GOOD)
    yield from store_settings(provider, "good", camera)
    yield from change(camera, *BAD)
    yield from show(camera)
    good = yield from retrieve_settings(provider, "good", camera)
    yield from apply_settings(good)
    yield from show(camera)
    print(len(good) > 20, good[camera.sim_mode] == SimDetectorSimMode.PEAKS)

RunEngine()(plan())
""",
        str(tmp_path),
    )
    assert said.splitlines() == ["1.0 Sine 0.5", "2.5 Peaks 0.25", "True True"]
    stored = (tmp_path / "good.yaml").read_text().splitlines()
    assert {"gain_x: 2.5", "sim_mode: Peaks", "acquire_period: 0.25"} <= set(stored)


def test_only_settings_of_a_generated_device_that_differ_are_applied(camera_ioc: SoftIoc, tmp_path: Path) -> None:
    said = camera_ioc.client(
        f"""{SETTINGS}
def noted(settings):
    print(sorted(signal.name for signal, _ in settings.items()))
    yield from apply_settings(settings)

def plan():
    camera = yield from ensure_connected(driver)
    yield from change(camera, *GOOD)
    yield from store_settings(provider, "good", camera)
    yield from change(camera, *BAD)
    yield from bps.mv(camera.sim_mode, GOOD[1])
    good = yield from retrieve_settings(provider, "good", camera)
    yield from apply_settings_if_different(good, noted)
    yield from show(camera)
    now = yield from get_current_settings(camera)
    print(now[camera.gain_x])

RunEngine()(plan())
""",
        str(tmp_path),
    )
    assert said.splitlines() == ["['driver-acquire_period', 'driver-gain_x']", "2.5 Peaks 0.25", "2.5"]
