"""Cameras of areaDetector fly with a PandA and motor records: one scanner, several detectors, several rates."""

from __future__ import annotations

import bluesky.plans as bp
import pytest
from bluesky.utils import FailedStatus
from ophyd_async.core import DetectorTrigger
from ophyd_async.epics.adcore import PluginSignalDataLogic
from ophyd_async.epics.motor import Motor
from scanspec.specs import Fly, Linspace, Spec

from beamwright_generated.devices.panda import PandaBitBus
from beamwright_runtime.fly import (
    FlownDetector,
    FlyScanner,
    MotorMotion,
    PositionCompareTriggers,
    PulseTrains,
    SequencerTriggers,
)
from beamwright_runtime.fly.scan_plans import fly_scan
from tests.helpers.fly.cameras_stage import TIMING, Interrupted, Stage, check
from tests.helpers.fly.recorded import Recorded
from tests.helpers.own_process import ON_ANOTHER_TWIN

pytestmark = ON_ANOTHER_TWIN

PAUSES = [(2, 5, 11), *(pytest.param(pauses, marks=pytest.mark.soak) for pauses in ((), (0,), (7, 7, 14)))]


def grid(stage: Stage, duration: float = 0.05, rows: int = 2) -> Spec[Motor]:
    return Fly(duration @ (Linspace(stage.y, 0, 1, rows) * ~Linspace(stage.x, 0, 0.7, 8)))


def fly(stage: Stage, scanner: FlyScanner[Motor], spec: Spec[Motor], pauses: tuple[int, ...]) -> None:
    stage.in_time(lambda: _fly(stage, scanner, spec, pauses))


def _fly(stage: Stage, scanner: FlyScanner[Motor], spec: Spec[Motor], pauses: tuple[int, ...]) -> None:
    missed = stage.missed()
    interrupted = Interrupted(stage, scanner, pauses)
    run = interrupted.fly(fly_scan(scanner, spec, flush_period=0.2))
    assert run.stop["exit_status"] == "success", run.stop["reason"]
    assert interrupted.rests == len(pauses)
    check(run, spec)
    assert stage.missed() == missed
    assert stage.going_on == []


@pytest.mark.parametrize("pauses", PAUSES)
def test_a_camera_and_a_panda_at_a_sequencer(stage: Stage, pauses: tuple[int, ...]) -> None:
    fly(stage, stage.at_sequencer(stage.x, stage.y), grid(stage), pauses)


@pytest.mark.parametrize("pauses", PAUSES)
def test_a_camera_and_a_panda_at_a_position_compare(stage: Stage, pauses: tuple[int, ...]) -> None:
    detectors = [stage.capture_at(PandaBitBus.PCOMP1_OUT), stage.triggered(stage.camera)]
    triggers = PositionCompareTriggers(stage.panda.pcomp[1], stage.x, stage.positions[stage.x])
    fly(stage, FlyScanner(detectors, MotorMotion([stage.x, stage.y]), triggers, timing=TIMING), grid(stage), pauses)


@pytest.mark.parametrize("pauses", PAUSES)
def test_three_detectors_at_three_rates(stage: Stage, pauses: tuple[int, ...]) -> None:
    pulses = stage.panda.pulse
    detectors = [
        stage.triggered(stage.camera),
        stage.triggered(stage.second, 2),
        stage.capture_at(PandaBitBus.PULSE2_OUT, 4),
    ]
    sequencer = SequencerTriggers(stage.panda.seq[1], stage.positions)
    triggers = PulseTrains(sequencer, "SEQ1.OUTA", {2: pulses[1], 4: pulses[2]})
    spec = grid(stage, 0.1)
    fly(stage, FlyScanner(detectors, MotorMotion([stage.x, stage.y]), triggers, timing=TIMING), spec, pauses)


def test_a_camera_that_was_triggered_counts_by_itself_again(stage: Stage) -> None:
    fly(stage, stage.at_sequencer(stage.x, stage.y), grid(stage, rows=1), ())
    run = Recorded()
    stage.engine(bp.count([stage.camera], num=2), run)
    assert run.stop["exit_status"] == "success"
    assert run.told() == 2


def test_a_camera_whose_deadtime_nobody_knows_is_refused(stage: Stage) -> None:
    detectors = [FlownDetector(stage.camera, trigger=DetectorTrigger.EXTERNAL_EDGE)]
    triggers = SequencerTriggers(stage.panda.seq[1], stage.positions)
    scanner = FlyScanner(detectors, MotorMotion([stage.x, stage.y]), triggers, timing=TIMING)
    with pytest.raises(FailedStatus) as failed:
        stage.engine(fly_scan(scanner, grid(stage)))
    assert "camera does not tell what it needs between exposures" in str(failed.value.__cause__)
    assert stage.going_on == []


def test_what_is_read_once_for_each_exposure_is_left_out_of_a_flight(stage: Stage) -> None:
    camera = stage.camera
    camera.add_detector_logics(PluginSignalDataLogic(camera.driver, camera.stat.total))
    spec = grid(stage, rows=1)
    scanner = stage.at_sequencer(stage.x, stage.y)
    run = Interrupted(stage, scanner).fly(fly_scan(scanner, spec))
    assert run.stop["exit_status"] == "success"
    check(run, spec)
    primary = next(one for one in run.all("descriptor") if one["name"] == "primary")
    assert set(primary["hints"]["scanner"]["fields"]) <= set(primary["data_keys"])
