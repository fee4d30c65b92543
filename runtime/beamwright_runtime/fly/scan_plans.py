"""Plans that fly, pause, and go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import prod
from operator import mul
from typing import Any, TypeVar, cast

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.protocols import HasHints, Movable, Readable
from bluesky.utils import FailedStatus, Msg, MsgGenerator, RunEngineControlException, short_uid
from scanspec.core import Dimension, SnakedDimension
from scanspec.specs import Fly, Spec

from beamwright_runtime.documents import SEGMENTS, Role, nexus_facts
from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.flight_settings import Flight
from beamwright_runtime.fly.scan import AxisT, Scan, axis_name
from beamwright_runtime.fly.scanner import FlyScanner

T = TypeVar("T")


def fly_scan(
    scanner: FlyScanner[AxisT],
    spec: Spec[AxisT],
    *,
    flush_period: float = 0.5,
    stream: str = "primary",
    metadata: Mapping[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Fly a scan specification; axes that the scanner does not move step between its flights.

    The plan may be paused, suspended, stopped or aborted anywhere.

    :param scanner: owns the detectors, the triggers and the axes that fly.
    :param spec: with durations, as in `Fly(0.1 @ Linspace(x, 0, 1, 10))`.
    :param flush_period: seconds between documents.
    :param stream: name of the stream of the detectors' rows.
    :param metadata: for the start document.
    :returns: the uid of the run.
    :raises ScanRefusedError: if the scan cannot be flown, with the reason, before anything moves.
    """
    scan = Scan(spec, flown=scanner.axes)

    def scan_all() -> MsgGenerator[None]:
        for step in range(scan.steps):
            yield from bps.checkpoint()
            yield from _move(scanner, scan.outer_positions(step))
            yield from _until_done("prepare", scanner, Flight(scan, step))
            if step == 0:
                yield from _declare(scanner, scanner, name=stream)
                yield from _declare(scanner, scanner.segments, name=SEGMENTS)
            yield from _until_done("kickoff", scanner)
            yield from _collect_while_flying(scanner, stream, flush_period)

    def end() -> MsgGenerator[None]:
        yield Msg("stop", scanner)
        yield from _collect_rest(scanner, stream)

    def staged() -> MsgGenerator[str]:
        yield from _until_done("stage", scanner)
        flown = bpp.finalize_wrapper(_with_reason(scan_all()), lambda: _run_to_end(end))
        return cast("str", (yield from bpp.run_wrapper(flown, md=_start(scanner, scan, stream, metadata))))

    def unstage() -> MsgGenerator[None]:
        yield from _until_done("unstage", scanner)

    return cast("str", (yield from bpp.finalize_wrapper(staged(), lambda: _run_to_end(unstage))))


def fly_grid(
    scanner: FlyScanner[AxisT],
    *lines: Spec[AxisT],
    duration: float,
    snake: bool = True,
    flush_period: float = 0.5,
    metadata: Mapping[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Fly a grid: the last line flies, those before it step.

    :param lines: slowest first, each of one axis: `Linspace(y, 0, 1, 5), Linspace(x, 0, 2, 20)`.
    :param duration: seconds of each frame.
    :param snake: whether every other row runs backwards.
    :param scanner: flies the last line.
    :param flush_period: seconds between two collections of documents.
    :param metadata: for the start document.
    :returns: the uid of the run.
    :raises ScanRefusedError: if it cannot be flown, with the reason.
    """
    spec = _grid(lines, duration, snake)
    named = {"plan_name": "fly_grid", **(metadata or {})}
    return (yield from fly_scan(scanner, spec, flush_period=flush_period, metadata=named))


def step_scan(
    detectors: Sequence[Readable[Any]],
    spec: Spec[Any],
    *,
    monitors: Sequence[Readable[Any]] = (),
    metadata: Mapping[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Step through a scan specification: move all axes, then trigger and read the detectors, frame by frame.

    :param detectors: what is triggered and read at each point.
    :param spec: whose axes are devices; what it says of durations and flying is not used.
    :param monitors: detectors that measure the beam and not the sample; triggered and read with the others.
    :param metadata: for the start document.
    :returns: the uid of the run.
    """
    axes = list(spec.axes())
    read = [*detectors, *monitors]
    facts = {**_step_facts(spec, axes), "detectors": [axis_name(one) for one in read], **(metadata or {})}
    roles: dict[str, Role] = {
        **dict.fromkeys(map(axis_name, detectors), "detector"),
        **dict.fromkeys(map(axis_name, monitors), "monitor"),
        **dict.fromkeys(map(axis_name, axes), "axis"),
    }
    facts["nexus"] = nexus_facts(roles, metadata)

    def step() -> MsgGenerator[None]:
        for point in spec.midpoints():
            yield from bps.checkpoint()
            yield from bps.mv(*(part for axis in axes for part in (axis, float(point[axis]))))
            yield from bps.trigger_and_read([*read, *axes])

    staged = bpp.stage_wrapper(bpp.run_wrapper(step(), md=facts), [*read, *axes])
    return cast("str", (yield from staged))


def _step_facts(spec: Spec[Any], axes: Sequence[Any]) -> dict[str, Any]:
    with np.errstate(invalid="ignore"):
        dimensions: list[Dimension[Any]] = spec.calculate(bounds=False)
    shape = list(map(len, dimensions))
    fields = [[field for axis in one.axes() for field in _fields(axis)] for one in dimensions]
    return {
        "plan_name": "step_scan",
        "motors": [axis_name(axis) for axis in axes],
        "num_points": prod(shape),
        "shape": shape,
        "snaking": [isinstance(one, SnakedDimension) for one in dimensions],
        "spec": dict(spec.serialize()),
        "hints": {"dimensions": [[names, "primary"] for names in fields]},
    }


def _fields(axis: object) -> Sequence[str]:
    """Name the data keys of an axis that tell where it is."""
    return axis.hints.get("fields", []) if isinstance(axis, HasHints) else [axis_name(axis)]


def _grid(lines: Sequence[Spec[AxisT]], duration: float, snake: bool) -> Spec[AxisT]:
    if not lines:
        raise ScanRefusedError("a grid needs a line")
    turned = [~line if snake and number else line for number, line in enumerate(lines)]
    return Fly(duration @ reduce(mul, turned))


def _start(
    scanner: FlyScanner[AxisT], scan: Scan[AxisT], stream: str, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    facts = scan.facts()
    detectors = scanner.detector_facts()
    outer: dict[str, Role] = {axis_name(axis): "axis" for axis in scan.outer_axes}
    return {
        "plan_name": "fly_scan",
        "detectors": list(detectors),
        "motors": [axis_name(axis) for axis in (*scan.outer_axes, *scan.axes)],
        "num_points": len(scan),
        "shape": list(scan.shape),
        "fly_scan": {
            **facts,
            "detectors": detectors,
            "stream": stream,
            "segments": SEGMENTS,
            "surplus": scanner.surplus.value,
        },
        **(metadata or {}),
        "nexus": nexus_facts({**outer, **scanner.roles}, metadata),
    }


def _with_reason(plan: MsgGenerator[None]) -> MsgGenerator[None]:
    """Let a failure say in the stop document what broke, and not which task was waited for."""
    try:
        yield from plan
    except FailedStatus as failure:
        if isinstance(failure.__cause__, FlyScanError | ScanRefusedError):
            raise FailedStatus(str(failure.__cause__)) from failure.__cause__
        raise


def _run_to_end(ending: Callable[[], MsgGenerator[None]]) -> MsgGenerator[None]:
    """End something, and do so to the end if an abort or a stop is asked for on the way: it has its turn afterwards."""
    try:
        yield from ending()
    except RunEngineControlException:
        yield from ending()
        raise


def _repeat_until_answered(
    scanner: FlyScanner[AxisT], asking: Callable[[], MsgGenerator[T | None]]
) -> MsgGenerator[T | None]:
    """Ask again when an interruption has taken the answer away: the RunEngine then answers None.

    Where the scanner was not paused, nobody answers: the plan is only looked at, as by a `RunEngineSimulator`.
    """
    while True:
        before = scanner.interruptions
        if (answer := (yield from asking())) is not None or scanner.interruptions == before:
            return answer


def _until_done(command: str, scanner: FlyScanner[AxisT], *arguments: object) -> MsgGenerator[None]:
    def ask() -> MsgGenerator[bool | None]:
        group = short_uid(command)
        yield Msg(command, scanner, *arguments, group=group)
        return cast("bool | None", (yield from bps.wait(group=group)))

    yield from _repeat_until_answered(scanner, ask)


def _move(scanner: FlyScanner[AxisT], positions: Mapping[AxisT, float]) -> MsgGenerator[None]:
    def ask() -> MsgGenerator[bool | None]:
        group = short_uid("outer")
        for axis, position in positions.items():
            yield Msg("set", cast("Movable[float]", axis), position, group=group)
        return cast("bool | None", (yield from bps.wait(group=group)))

    if positions:
        yield from _repeat_until_answered(scanner, ask)


def _declare(scanner: FlyScanner[AxisT], device: object, name: str) -> MsgGenerator[None]:
    def ask() -> MsgGenerator[object]:
        return (yield Msg("declare_stream", None, device, name=name, collect=True))

    yield from _repeat_until_answered(scanner, ask)


def _collect_while_flying(scanner: FlyScanner[AxisT], stream: str, period: float) -> MsgGenerator[None]:
    done = False
    group = ""
    while not done:
        if not group:
            group = short_uid("complete")
            yield Msg("complete", scanner, group=group)
        before = scanner.interruptions
        answer = yield from bps.wait(group=group, timeout=period, error_on_timeout=False)
        if answer is None and scanner.interruptions != before:
            group = ""
        else:
            done = answer is None or answer
        yield from _collect(scanner, stream)
        yield from bps.checkpoint()
    yield from _collect_rest(scanner, stream)


def _collect(scanner: FlyScanner[AxisT], stream: str) -> MsgGenerator[None]:
    yield Msg("collect", scanner, name=stream, return_payload=False)
    if scanner.segments.has_pending:
        yield Msg("collect", scanner.segments, name=SEGMENTS, return_payload=False)


def _collect_rest(scanner: FlyScanner[AxisT], stream: str) -> MsgGenerator[None]:
    """Collect until nothing is left: a collect that was interrupted has kept what it did not give."""
    while scanner.owes_documents:
        yield from _collect(scanner, stream)
