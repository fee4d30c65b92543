"""Plans that fly, pause, and go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import prod
from operator import mul
from typing import Any, TypeVar, cast

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.protocols import Movable, Readable
from bluesky.utils import FailedStatus, Msg, MsgGenerator, short_uid
from scanspec.specs import Fly, Spec

from beamwright_runtime.fly.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.flight import Flight
from beamwright_runtime.fly.scan import AxisT, Scan, axis_name
from beamwright_runtime.fly.scanner import FlyScanner
from beamwright_runtime.fly.segments import STREAM

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
                yield from _declare(scanner, scanner.segments, name=STREAM)
            yield from _until_done("kickoff", scanner)
            yield from _collect_while_flying(scanner, stream, flush_period)

    def end() -> MsgGenerator[None]:
        yield Msg("stop", scanner)
        yield from _collect_rest(scanner, stream)

    def staged() -> MsgGenerator[str]:
        yield from _until_done("stage", scanner)
        flown = bpp.finalize_wrapper(_with_reason(scan_all()), end)
        return cast("str", (yield from bpp.run_wrapper(flown, md=_start(scanner, scan, metadata))))

    return cast("str", (yield from bpp.finalize_wrapper(staged(), lambda: _until_done("unstage", scanner))))


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
    :raises ScanRefusedError: if it cannot be flown, with the reason.
    """
    spec = _grid(lines, duration, snake)
    named = {"plan_name": "fly_grid", **(metadata or {})}
    return (yield from fly_scan(scanner, spec, flush_period=flush_period, metadata=named))


def step_scan(
    detectors: Sequence[Readable[Any]],
    spec: Spec[Any],
    *,
    metadata: Mapping[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Step through a scan specification: move all axes, then trigger and read the detectors, frame by frame.

    :param detectors: what is triggered and read at each point.
    :param spec: whose axes are devices; what it says of durations and flying is not used.
    :param metadata: for the start document.
    :returns: the uid of the run.
    """
    axes = list(spec.axes())
    shape = list(spec.shape())
    facts = {
        "plan_name": "step_scan",
        "detectors": [axis_name(detector) for detector in detectors],
        "motors": [axis_name(axis) for axis in axes],
        "num_points": prod(shape),
        "shape": shape,
        "spec": dict(spec.serialize()),
        **(metadata or {}),
    }

    def step() -> MsgGenerator[None]:
        for point in spec.midpoints():
            yield from bps.checkpoint()
            yield from bps.mv(*(part for axis in axes for part in (axis, float(point[axis]))))
            yield from bps.trigger_and_read([*detectors, *axes])

    staged = bpp.stage_wrapper(bpp.run_wrapper(step(), md=facts), [*detectors, *axes])
    return cast("str", (yield from staged))


def _grid(lines: Sequence[Spec[AxisT]], duration: float, snake: bool) -> Spec[AxisT]:
    if not lines:
        raise ScanRefusedError("a grid needs a line")
    turned = [~line if snake and number else line for number, line in enumerate(lines)]
    return Fly(duration @ reduce(mul, turned))


def _start(scanner: FlyScanner[AxisT], scan: Scan[AxisT], metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    facts = scan.facts()
    return {
        "plan_name": "fly_scan",
        "motors": [axis_name(axis) for axis in (*scan.outer_axes, *scan.axes)],
        "num_points": len(scan),
        "shape": list(scan.shape),
        "fly_scan": {
            **facts,
            "detectors": scanner.detector_facts(),
            "segments": STREAM,
            "surplus": scanner.surplus.value,
        },
        **(metadata or {}),
    }


def _with_reason(plan: MsgGenerator[None]) -> MsgGenerator[None]:
    """Let a failure say in the stop document what broke, and not which task was waited for."""
    try:
        yield from plan
    except FailedStatus as failure:
        if isinstance(failure.__cause__, FlyScanError | ScanRefusedError):
            raise FailedStatus(str(failure.__cause__)) from failure.__cause__
        raise


def _answered(scanner: FlyScanner[AxisT], asking: Callable[[], MsgGenerator[T | None]]) -> MsgGenerator[T | None]:
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

    yield from _answered(scanner, ask)


def _move(scanner: FlyScanner[AxisT], positions: Mapping[AxisT, float]) -> MsgGenerator[None]:
    def ask() -> MsgGenerator[bool | None]:
        group = short_uid("outer")
        for axis, position in positions.items():
            yield Msg("set", cast("Movable[float]", axis), position, group=group)
        return cast("bool | None", (yield from bps.wait(group=group)))

    if positions:
        yield from _answered(scanner, ask)


def _declare(scanner: FlyScanner[AxisT], device: object, name: str) -> MsgGenerator[None]:
    def ask() -> MsgGenerator[object]:
        return (yield Msg("declare_stream", None, device, name=name, collect=True))

    yield from _answered(scanner, ask)


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
    if scanner.segments.untold:
        yield Msg("collect", scanner.segments, name=STREAM, return_payload=False)


def _collect_rest(scanner: FlyScanner[AxisT], stream: str) -> MsgGenerator[None]:
    """Collect until nothing is left: a collect that was interrupted has kept what it did not give."""
    while scanner.owes_documents:
        yield from _collect(scanner, stream)
