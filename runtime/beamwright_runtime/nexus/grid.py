"""The grid of a scan, as documents tell it, and which row of the stream fills each place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamwright_runtime.documents import SEGMENTS, rows_of
from beamwright_runtime.nexus.pieces import NOWHERE, grid_order
from beamwright_runtime.nexus.run_record import RunRecord


@dataclass
class Grid:
    """The grid of a scan, and which row of the stream fills each place.

    :param dimensions: names of the axes of each dimension, slowest first.
    :param rows: the row of the stream at each place, counted from 0, -1 where no frame was taken.
    :param set_points: of axes by name, along their dimension, where the documents have them.
    """

    dimensions: list[list[str]]
    rows: NDArray[np.int64]
    set_points: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        return self.rows.shape

    @property
    def missing(self) -> int:
        """How many frames were not taken."""
        return int(np.count_nonzero(self.rows < 0))

    def dimension(self, axis: str) -> int | None:
        """Return which dimension an axis moves along."""
        return next((number for number, axes in enumerate(self.dimensions) if axis in axes), None)


def grid_of(run: RunRecord, problems: list[str]) -> Grid:
    """Find the grid of a run in its documents.

    :param problems: gets what does not fit; frames then follow one another along one dimension.
    """
    stream = run.main
    plain = run.start.get("fly_scan")
    told: Mapping[str, Any] = plain if isinstance(plain, Mapping) else run.start
    shape, dimensions, snaked = _shape(told, stream.last, problems)
    segments = run.stream(SEGMENTS).events
    if plain and SEGMENTS in run.streams:
        taken = rows_of([_unprefixed(segments[seq]["data"]) for seq in sorted(segments)], prod(shape))
    else:
        taken = np.arange(prod(shape))
        taken[stream.last :] = NOWHERE
    rows = np.full(shape, NOWHERE, np.int64)
    rows[grid_order(shape, snaked)] = taken
    return Grid(dimensions, rows, _set_points(told, shape, dimensions, problems))


def _unprefixed(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix(f"{SEGMENTS}-"): value for key, value in data.items()}


def _shape(
    told: Mapping[str, Any], seen: int, problems: list[str]
) -> tuple[tuple[int, ...], list[list[str]], Sequence[bool]]:
    """Return the shape, the axes of each dimension, and which are snaked, from fly scans or from bluesky's plans."""
    hinted = told.get("hints", {}).get("dimensions", [])
    axes = told.get("dimensions") or [[name for name in fields if name != "time"] for fields, _ in hinted]
    shape = tuple(told.get("shape") or ())
    frames = int(told.get("num_points") or prod(shape) or seen)
    snaked = _snaked(told, len(shape))
    if seen > frames and "segments" not in told:
        problems.append(f"the scan has {frames} frames, the documents have {seen}")
        frames = seen
    if shape and snaked is None:
        problems.append("the documents do not say which axes are snaked: the grid is left out")
    elif shape and len(shape) == len(axes) and prod(shape) == frames:
        return shape, [list(names) for names in axes], snaked or ()
    return (frames,), [[name for names in axes for name in names]], (False,)


def _snaked(told: Mapping[str, Any], dimensions: int) -> Sequence[bool] | None:
    given = told.get("snaked", told.get("snaking"))
    if given is not None:
        return [bool(one) for one in given] if len(given) == dimensions else None
    # `list_grid_scan` tells it as text, with the names of objects if it is not all or none.
    match told.get("snake_axes", "False"):
        case "True":
            return [number > 0 for number in range(dimensions)]
        case "False" | "None":
            return [False] * dimensions
        case _:
            return None


def _set_points(
    told: Mapping[str, Any], shape: tuple[int, ...], dimensions: list[list[str]], problems: list[str]
) -> dict[str, NDArray[np.float64]]:
    if not isinstance(told.get("spec"), Mapping):
        return _even_points(told, shape, dimensions)
    from scanspec.specs import Spec

    try:
        with np.errstate(invalid="ignore"):
            calculated = Spec[str].deserialize(dict(told["spec"])).calculate()
    # Whatever is wrong with it, the frames are to be had without.
    except Exception as error:
        problems.append(f"the scan specification cannot be read, so set points are left out: {error}")
        return {}
    if tuple(map(len, calculated)) != shape:
        return {}
    named = [name for names in dimensions for name in names]
    found = [(axis, positions) for one in calculated for axis, positions in one.midpoints.items()]
    return {
        name: np.asarray(positions, np.float64)
        for axis, positions in found
        # A data key may be longer than the name of its axis, where the plan hints at one.
        for name in ([axis] if axis in named else [one for one in named if one.startswith(f"{axis}-")])
    }


def _even_points(
    told: Mapping[str, Any], shape: tuple[int, ...], dimensions: list[list[str]]
) -> dict[str, NDArray[np.float64]]:
    """Return the set points of a grid that bluesky's plans call rectilinear: even between its extents."""
    extents = told.get("extents", ())
    if told.get("hints", {}).get("gridding") != "rectilinear" or len(extents) != len(shape):
        return {}
    return {
        names[0]: np.linspace(float(first), float(last), length)
        for names, (first, last), length in zip(dimensions, extents, shape, strict=False)
        if len(names) == 1
    }
