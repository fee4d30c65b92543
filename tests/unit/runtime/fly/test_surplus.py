"""What becomes of rows that are taken again, in a real RunEngine and real HDF5: they stay, or are written over."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus
from ophyd_async.core import StaticFilenameProvider, StaticPathProvider, soft_signal_r_and_setter
from ophyd_async.sim import SimBlobDetector, SimMotor
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.fly import (
    EAGER,
    BeamWatch,
    Emission,
    FlyScanner,
    FlyState,
    ScanRefusedError,
    SoftwareTriggers,
    Surplus,
    places_of,
)
from beamwright_runtime.plans import fly_scan
from tests.helpers.fly.beamline import Beamline, Disturbed
from tests.helpers.fly.recorded import Recorded, check, taken
from tests.helpers.fly.rig import paths_in
from tests.helpers.fly.waiting import until

SNAKED: Spec[str] = Fly(0.02 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 0, 2, 12)))
LATE = Emission(seconds=0.1)
"""Longer than the margins of beam watches here."""
ANY = [Surplus.APPEND, Surplus.NEW_FILE, Surplus.OVERWRITE]

in_real_time = pytest.mark.soak


class Beam:
    """A ring current that can be lost, with a suspender or without."""

    def __init__(self, margin: float) -> None:
        current, self._set = soft_signal_r_and_setter(float, 300.0)
        self.watch = BeamWatch(current, lambda value: value > 100, margin)

    def lose(self, suspended: bool, seconds: float = 0.3) -> Callable[[RunEngine], object]:
        """Be gone for some seconds; a suspender sees it 0.1 s later than the scanner."""

        def lose(engine: RunEngine) -> None:
            back = asyncio.Event()
            call = engine.loop.call_soon_threadsafe
            call(self._set, 0.0)
            call(lambda: engine.loop.call_later(seconds, self._set, 300.0))
            call(lambda: engine.loop.call_later(seconds + 0.01, back.set))
            if suspended:
                time.sleep(0.1)
                engine.request_suspend(back.wait)

        return lose


def flown(beamline: Beamline, disturbed: Disturbed, *offsets: float, **how: Any) -> Recorded:
    return disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.05), *offsets, **how)


def beamline_of(
    folder: Path, surplus: Surplus, beam: Beam, rates: tuple[int, ...] = (1, 2, 5), **more: Any
) -> Beamline:
    overwrites = surplus is Surplus.OVERWRITE
    emission = LATE if overwrites else EAGER
    return Beamline(folder, rates, True, overwrites, surplus=surplus, beam=beam.watch, emission=emission, **more)


@in_real_time
@pytest.mark.parametrize("offset", [0.2, 0.25, 0.3, 0.36, 0.6, 0.67, 0.8])
@pytest.mark.parametrize("suspended", [True, False])
@pytest.mark.parametrize("surplus", ANY)
def test_every_frame_is_found_whatever_becomes_of_others(
    tmp_path: Path, disturbed: Disturbed, surplus: Surplus, suspended: bool, offset: float
) -> None:
    beam = Beam(margin=0.03)
    beamline = beamline_of(tmp_path, surplus, beam)
    run = flown(beamline, disturbed, offset, how=beam.lose(suspended))
    assert run.stop["exit_status"] == "success"
    check(run, SNAKED)
    assert run.stop["num_events"]["primary"] == run.told()
    if surplus is not Surplus.NEW_FILE:
        assert [len(camera.files) for camera in beamline.cameras] == [1, 1, 1]
    if surplus is Surplus.OVERWRITE:
        assert run.told() == 24, "rows without beam were made known"


@in_real_time
def test_a_rewind_begins_new_files_of_all_detectors(tmp_path: Path, disturbed: Disturbed) -> None:
    beam = Beam(margin=0.03)
    beamline = beamline_of(tmp_path, Surplus.NEW_FILE, beam)
    run = flown(beamline, disturbed, 0.3, how=beam.lose(suspended=True))
    check(run, SNAKED)
    first, second = run.segments()
    surplus = first["rows"] - (first["stop"] - first["start"])
    assert surplus > 0
    assert (second["resource"], second["resource_row"], second["row"]) == (1, 0, first["rows"])
    assert {key: len(parts) for key, parts in run.resources().items()} == dict.fromkeys(run.datasets(), 2)
    assert run.told() == 24 + surplus
    assert len(run.all("descriptor")) == 2
    places = places_of(run.segments(), 24)
    assert places.resource.tolist() == [0] * first["stop"] + [1] * (24 - first["stop"])
    assert places.resource_row.tolist() == [*range(first["stop"]), *range(24 - first["stop"])]


@in_real_time
@pytest.mark.parametrize("surplus", [Surplus.NEW_FILE, Surplus.OVERWRITE])
def test_a_pause_that_takes_nothing_again_goes_on_in_the_files(
    tmp_path: Path, disturbed: Disturbed, surplus: Surplus
) -> None:
    beamline = beamline_of(tmp_path, surplus, Beam(margin=0.03))
    run = flown(beamline, disturbed, 0.2, 0.3, 0.3)
    assert list(check(run, SNAKED)) == list(range(24))
    assert [len(camera.files) for camera in beamline.cameras] == [1, 1, 1]
    assert {one["resource"] for one in run.segments()} == {0}


@in_real_time
@pytest.mark.parametrize("end", [RunEngine.abort, RunEngine.stop])
@pytest.mark.parametrize("surplus", ANY)
def test_an_end_after_a_rewind_tells_of_what_is_there(
    tmp_path: Path, disturbed: Disturbed, surplus: Surplus, end: Callable[[RunEngine], object]
) -> None:
    beam = Beam(margin=0.03)
    beamline = beamline_of(tmp_path, surplus, beam)

    def lose_and_pause(engine: RunEngine) -> None:
        beam.lose(suspended=False)(engine)
        time.sleep(0.05)
        engine.request_pause()

    run = flown(beamline, disturbed, 0.3, how=lose_and_pause, then=end)
    check(run, SNAKED, frames=taken(run))
    assert sum(one["rows"] for one in run.segments()) == run.told()
    assert beamline.scanner.state is FlyState.IDLE


@in_real_time
def test_rows_that_are_known_stay_and_the_others_are_written_over(tmp_path: Path, disturbed: Disturbed) -> None:
    beam = Beam(margin=60.0)
    beamline = Beamline(
        tmp_path, overwrites=True, surplus=Surplus.OVERWRITE, beam=beam.watch, emission=Emission(frames=2)
    )
    beamline.triggers.hold_after = 10

    def lose(engine: RunEngine) -> None:
        until(lambda: disturbed.run.told() == 8, "documents of all but two frames")
        beam.lose(suspended=True)(engine)

    run = flown(beamline, disturbed, 0.0, how=lose)
    rows = check(run, SNAKED)
    first, second = run.segments()
    assert (first["start"], first["stop"], first["rows"]) == (0, 0, 8), "what was known is not valid, and stays"
    assert second["row"] == first["rows"]
    assert run.told() == rows[-1] + 1


@in_real_time
@pytest.mark.parametrize("surplus", ANY)
def test_flights_at_each_outer_position_rewind_too(tmp_path: Path, disturbed: Disturbed, surplus: Surplus) -> None:
    z = SimMotor("z", instant=False)
    outer: Spec[Any] = Linspace(z, 0, 0.4, 3)
    spec: Spec[Any] = Fly(0.02 @ (outer * ~Linspace("x", 0, 1, 10)))
    beam = Beam(margin=0.03)
    beamline = beamline_of(tmp_path, surplus, beam, rates=(1, 2))
    plan = fly_scan(beamline.scanner, spec, flush_period=0.05)
    run = disturbed.fly(plan, 0.25, how=beam.lose(suspended=False, seconds=0.1))
    assert run.stop["exit_status"] == "success"
    check(run, spec)


@in_real_time
def test_detectors_that_time_their_own_frames_get_new_files(tmp_path: Path, disturbed: Disturbed) -> None:
    beam = Beam(margin=0.03)
    beamline = beamline_of(tmp_path, Surplus.NEW_FILE, beam, rates=(1, 2), triggers=SoftwareTriggers())
    run = flown(beamline, disturbed, 0.3, how=beam.lose(suspended=True))
    assert run.stop["exit_status"] == "success"
    check(run, SNAKED, tolerance=1.0)
    assert {len(parts) for parts in run.resources().values()} == {2}


@in_real_time
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("surplus", ANY)
def test_beam_that_comes_and_goes_while_somebody_pauses(
    tmp_path: Path, disturbed: Disturbed, surplus: Surplus, seed: int
) -> None:
    draw = random.Random(seed)
    beam = Beam(margin=draw.choice([0.0, 0.03, 0.06]))
    beamline = beamline_of(tmp_path, surplus, beam, rates=(1, 3))

    def disturb(engine: RunEngine) -> None:
        suspended = draw.random() < 0.5
        for _ in range(draw.randint(0, 2)):
            beam.lose(suspended, seconds=draw.uniform(0.02, 0.3))(engine)
            time.sleep(draw.uniform(0.0, 0.5))
        # One that is suspended refuses to be paused.
        if not suspended and engine.state == "running":
            engine.request_pause()

    run = flown(beamline, disturbed, *(draw.uniform(0.02, 0.5) for _ in range(5)), how=disturb)
    assert run.stop["exit_status"] == "success"
    check(run, SNAKED)


def test_overwriting_is_refused_for_files_that_cannot_be_set_back(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, surplus=Surplus.OVERWRITE, emission=LATE)
    with pytest.raises(FailedStatus) as failure:
        flown(beamline, disturbed)
    assert isinstance(failure.value.__cause__, ScanRefusedError)
    assert "det1 cannot overwrite rows: its _Writes has no set_back" in str(failure.value.__cause__)
    assert beamline.motion.moves["x"].still_at < 0
    assert not disturbed.run.documents
    assert not any(camera.files for camera in beamline.cameras)


def test_new_files_are_refused_that_have_the_name_of_the_last(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, surplus=Surplus.NEW_FILE)
    detector = SimBlobDetector(StaticPathProvider(StaticFilenameProvider("same"), tmp_path), name="blob")
    scanner = FlyScanner([detector], beamline.motion, surplus=Surplus.NEW_FILE)
    with pytest.raises(FailedStatus) as failure:
        disturbed.fly(fly_scan(scanner, SNAKED))
    assert "blob would write a new file over the last" in str(failure.value.__cause__)
    assert not disturbed.run.documents


@in_real_time
def test_a_simulated_detector_of_ophyd_async_gets_new_files(tmp_path: Path, disturbed: Disturbed) -> None:
    beam = Beam(margin=0.25)
    motion = Beamline(tmp_path).motion
    detectors = [SimBlobDetector(paths_in(tmp_path), name=name) for name in ("blob1", "blob2")]
    slow: Spec[str] = Fly(0.2 @ Linspace("x", 0, 2, 8))
    scanner = FlyScanner(detectors, motion, beam=beam.watch, surplus=Surplus.NEW_FILE)
    run = disturbed.fly(fly_scan(scanner, slow, flush_period=0.1), 1.0, how=beam.lose(suspended=True))
    assert run.stop["exit_status"] == "success"
    places = places_of(run.segments(), 8)
    assert places.resource.tolist() == sorted(places.resource)
    assert places.resource[-1] == 1
    assert places.row[-1] == run.told() - 1
    assert all(sum(map(len, parts)) == run.told() for parts in run.resources().values())


def test_overwriting_what_is_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give an Emission"):
        Beamline(tmp_path, overwrites=True, surplus=Surplus.OVERWRITE)


@in_real_time
def test_a_file_that_cannot_be_set_back_ends_the_scan(tmp_path: Path, disturbed: Disturbed) -> None:
    beam = Beam(margin=0.03)
    beamline = beamline_of(tmp_path, Surplus.OVERWRITE, beam)
    run = disturbed.run

    async def refuse(collections: int) -> None:
        raise OSError("the file is read only")

    beamline.cameras[1]._data_logics[0].set_back = refuse  # type: ignore[attr-defined]
    with pytest.raises(FailedStatus) as failure:
        flown(beamline, disturbed, 0.3, how=beam.lose(suspended=False))
    assert "det2 could not set its file back" in str(failure.value.__cause__)
    check(run, SNAKED, frames=taken(run))
    assert run.told() == sum(one["rows"] for one in run.segments())
