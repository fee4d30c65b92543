"""Whether a file holds every frame of a fly scan exactly once, from the documents and the file alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scanspec.specs import Spec

from beamwright_runtime.fly import Scan, rows_of
from scripts.demo.terminal import StepError

Documents = Mapping[str, Sequence[Mapping[str, Any]]]
Positions = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Frames:
    """What became of the frames of a scan.

    :param specified: where each axis must be when each frame begins, by axis, in the order of the scan.
    :param captured: where it was, in the order of the rows of the file.
    :param rows: the row of each frame, as the documents tell.
    :param lost: frames that no row holds, or that documents do not tell of.
    :param repeated: rows that hold the frame of another row again.
    :param misplaced: frames whose row holds another frame.
    :param out_of_step: rows whose picture is not the one after the picture of the row before, or that have none.
    :param error: farthest that an axis was from where it should be, in its units.
    """

    specified: Positions
    captured: Positions
    rows: NDArray[np.int64]
    lost: int
    repeated: int
    misplaced: int
    out_of_step: int
    error: float

    @property
    def all_there(self) -> bool:
        """Whether each frame is in the file exactly once, and where the documents say."""
        return not (self.lost or self.repeated or self.misplaced or self.out_of_step)


def frames_of(documents: Documents, captured: Positions, pictures: Sequence[int]) -> Frames:
    """Compare rows with the specification in the start document.

    A row holds the frame whose position is next to the one that it has captured, whatever the documents say.

    :param captured: what the file holds of axes that flew, enough of them to tell frames apart.
    :param pictures: their numbers, which the camera counts, in the order of the rows of its file.
    """
    (start,) = documents["start"]
    scan: Scan[str] = Scan(Spec.deserialize(start["fly_scan"]["spec"]), start["fly_scan"]["flown_axes"])
    specified = {axis: np.asarray(scan.points().lower[axis]) for axis in captured}
    written = min(map(len, captured.values()))
    rows = rows_of(_segments(documents), len(scan))
    in_file = (rows >= 0) & (rows < min(written, _told(documents)))
    held = _next_frame(specified, captured)
    there = np.flatnonzero(in_file & np.isin(np.arange(len(scan)), held))
    placed = held[rows[there]] == there
    errors = [np.abs(captured[axis][rows[there]] - specified[axis][there]) for axis in captured]
    return Frames(
        specified=specified,
        captured=captured,
        rows=rows,
        lost=len(scan) - len(there),
        repeated=written - len(np.unique(held)),
        misplaced=int(np.count_nonzero(~placed)),
        out_of_step=int(np.count_nonzero(np.diff(pictures) != 1)) + abs(len(pictures) - written),
        error=max(float(error.max(initial=0.0)) for error in errors),
    )


def captured_in(file: Path, datasets: Mapping[str, str]) -> Positions:
    """Read what a file holds of each axis.

    :param datasets: the name of the dataset of each axis.
    """
    with h5py.File(file) as opened:
        written: dict[str, Any] = dict(opened)
        return {axis: np.asarray(written[dataset][()]) for axis, dataset in datasets.items()}


def require(frames: Frames) -> None:
    """End the demo unless every frame is there exactly once.

    :raises StepError: if one is not.
    """
    if not frames.all_there:
        raise StepError(
            f"{frames.lost} frames are lost, {frames.repeated} repeated, {frames.misplaced} misplaced, "
            f"{frames.out_of_step} pictures out of step"
        )


def _segments(documents: Documents) -> list[dict[str, Any]]:
    (start,) = documents["start"]
    stream = start["fly_scan"]["segments"]
    uids = [one["uid"] for one in documents["descriptor"] if one["name"] == stream]
    return [
        {key.removeprefix(f"{stream}-"): values[number] for key, values in page["data"].items()}
        for page in documents.get("event_page", ())
        if page["descriptor"] in uids
        for number in range(len(page["seq_num"]))
    ]


def _told(documents: Documents) -> int:
    """Tell up to which row documents tell of all rows, in each resource."""
    ranges: dict[str, list[tuple[int, int]]] = {one["uid"]: [(0, 0)] for one in documents["stream_resource"]}
    for datum in documents.get("stream_datum", ()):
        ranges[datum["stream_resource"]].append((datum["indices"]["start"], datum["indices"]["stop"]))
    for told in ranges.values():
        if any(before[1] != after[0] for before, after in pairwise(told)):
            raise StepError(f"documents leave out rows: {told}")
    return min(told[-1][1] for told in ranges.values())


def _next_frame(specified: Positions, captured: Positions) -> NDArray[np.int64]:
    """Find the frame that begins next to where each row was captured."""
    apart = np.zeros((min(map(len, captured.values())), len(next(iter(specified.values())))))
    for axis, positions in specified.items():
        apart += np.square(captured[axis][: len(apart), None] - positions[None, :])
    nearest: NDArray[np.int64] = np.argmin(apart, axis=1)
    return nearest
