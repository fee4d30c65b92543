"""Frames that are taken again, by a camera of areaDetector and a PandA with the data logics that ophyd-async has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from bluesky.utils import FailedStatus
from ophyd_async.core import soft_signal_r_and_setter
from ophyd_async.epics.motor import Motor
from scanspec.specs import Fly, Linspace, Spec

from beamwright_generated.devices.panda import PandaBitBus
from beamwright_runtime.fly import (
    BeamWatch,
    Emission,
    FlyScanner,
    MotorMotion,
    Scan,
    SequencerTriggers,
    Surplus,
    places_of,
)
from beamwright_runtime.fly.scan_plans import fly_scan
from beamwright_twin import frame_number
from tests.helpers.fly.cameras_stage import COUNTS, TIMING, Stage
from tests.helpers.fly.recorded import Recorded, check_places
from tests.helpers.own_process import ON_ANOTHER_TWIN

pytestmark = [*ON_ANOTHER_TWIN, pytest.mark.soak]


class Losing:
    """A beam that is lost each time a number of frames is on disk."""

    def __init__(self, stage: Stage, frames: Sequence[int]) -> None:
        current, self._set = soft_signal_r_and_setter(float, 300.0)
        self.watch = BeamWatch(current, lambda value: value > 100, margin=0.15)
        self._stage = stage
        self._left = list(frames)
        self.scanner: FlyScanner[Motor] | None = None

    def document(self, name: str, document: object) -> None:
        """Lose it, once the documents tell of enough."""
        if self._left and self.scanner is not None and self.scanner.frames_done >= self._left[0]:
            self._left.pop(0)
            self._set(0.0)
            self._stage.engine.loop.call_later(0.3, self._set, 300.0)


def scanner_of(stage: Stage, losing: Losing, surplus: Surplus, emission: Emission) -> FlyScanner[Motor]:
    losing.scanner = FlyScanner(
        [stage.capture_at(PandaBitBus.SEQ1_OUTA), stage.triggered(stage.camera)],
        MotorMotion([stage.x, stage.y]),
        SequencerTriggers(stage.panda.seq[1], stage.positions),
        beam=losing.watch,
        surplus=surplus,
        emission=emission,
        timing=TIMING,
    )
    return losing.scanner


def grid(stage: Stage) -> Spec[Motor]:
    return Fly(0.05 @ (Linspace(stage.y, 0, 0.2, 2) * ~Linspace(stage.x, 0, 0.7, 8)))


@pytest.mark.parametrize("surplus", [Surplus.NEW_FILE, Surplus.APPEND])
def test_each_frame_is_found_in_one_file_or_the_next(stage: Stage, surplus: Surplus) -> None:
    losing = Losing(stage, (5, 12))
    spec = grid(stage)
    scanner = scanner_of(stage, losing, surplus, Emission())
    run = Recorded()

    def both(name: str, document: object) -> None:
        run(name, document)
        losing.document(name, document)

    stage.engine(fly_scan(scanner, spec, flush_period=0.1), both)
    assert run.stop["exit_status"] == "success"
    points = Scan(spec, flown=[stage.x, stage.y]).points()
    check_places(run, 16)
    places = places_of(run.segments(), 16)
    assert np.all(places.row >= 0)
    assert run.told() > 16, "nothing was taken again"
    resources = run.resources()
    assert {len(parts) for parts in resources.values()} == {int(places.resource.max()) + 1}
    assert places.resource.max() == (len(run.segments()) - 1 if surplus is Surplus.NEW_FILE else 0)
    data = run.datasets()
    for name, axis in (("x", stage.x), ("y", stage.y)):
        assert len(data[name]) == run.told()
        assert np.abs(data[name][places.row] - points.lower[axis]).max() < COUNTS
    numbers = np.array([frame_number(frame) for frame in data["camera"]])
    assert np.array_equal(numbers, numbers[0] + np.arange(run.told()))
    assert stage.going_on == []


def test_a_panda_refuses_to_overwrite_before_anything_moves(stage: Stage) -> None:
    scanner = scanner_of(stage, Losing(stage, ()), Surplus.OVERWRITE, Emission(seconds=0.2))
    before = stage.twin.get("BL01X-MO-STAGE-01:X.RBV")
    with pytest.raises(FailedStatus) as failed:
        stage.engine(fly_scan(scanner, grid(stage)))
    assert "panda cannot overwrite rows: its PandaHDFDataLogic has no set_back" in str(failed.value.__cause__)
    assert stage.twin.get("BL01X-MO-STAGE-01:X.RBV") == before
