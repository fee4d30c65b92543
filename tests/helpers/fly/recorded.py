"""What a run left behind: its documents, checked against each other and against its files."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import h5py
import numpy as np
from numpy.typing import NDArray
from scanspec.specs import Spec

from beamwright_runtime.documents import SEGMENTS
from beamwright_runtime.fly import Scan, places_of, rows_of


class Recorded:
    """The documents of one run."""

    def __init__(self) -> None:
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.left_open = False
        """Whether a writer has died, so that its files can be read as those that are being written."""

    def __call__(self, name: str, document: Any) -> None:
        self.documents.append((name, document))

    def all(self, name: str) -> list[dict[str, Any]]:
        return [document for kind, document in self.documents if kind == name]

    @property
    def start(self) -> dict[str, Any]:
        (start,) = self.all("start")
        return start

    @property
    def stop(self) -> dict[str, Any]:
        (stop,) = self.all("stop")
        return stop

    def segments(self) -> list[dict[str, Any]]:
        """The events of the stream of segments."""
        descriptor = next((d for d in self.all("descriptor") if d["name"] == SEGMENTS), {"uid": ""})
        found = []
        for page in self.all("event_page"):
            if page["descriptor"] == descriptor["uid"]:
                for i in range(len(page["seq_num"])):
                    found.append({key.removeprefix(f"{SEGMENTS}-"): values[i] for key, values in page["data"].items()})
        return found

    def ranges(self) -> dict[str, list[tuple[int, int]]]:
        """The rows that documents tell of, by data key; with sequence numbers one ahead and nothing left out."""
        keys = {doc["uid"]: doc["data_key"] for doc in self.all("stream_resource")}
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        within: dict[str, int] = {}
        for doc in self.all("stream_datum"):
            rows = doc["seq_nums"]["start"] - 1, doc["seq_nums"]["stop"] - 1
            indices, resource = doc["indices"], doc["stream_resource"]
            assert resource in within or indices["start"] == 0
            assert within.get(resource, 0) == indices["start"]
            assert indices["stop"] - indices["start"] == rows[1] - rows[0]
            within[resource] = indices["stop"]
            found[keys[resource]].append(rows)
        for ranges in found.values():
            assert ranges[0][0] == 0
            assert all(before[1] == after[0] for before, after in pairwise(ranges))
        return found

    def resources(self) -> dict[str, list[NDArray[Any]]]:
        """What each file holds, by data key, in the order of documents."""
        found: dict[str, list[NDArray[Any]]] = defaultdict(list)
        for doc in self.all("stream_resource"):
            with h5py.File(Path(unquote(urlparse(doc["uri"]).path)), "r", swmr=self.left_open) as file:
                found[doc["data_key"]].append(file[doc["parameters"]["dataset"]][()])
        return found

    def datasets(self) -> dict[str, NDArray[Any]]:
        """What the files hold, one after the other, by data key."""
        return {key: np.concatenate(parts) for key, parts in self.resources().items()}

    def told(self) -> int:
        """How many rows documents tell of, the same for all data keys."""
        ends = {ranges[-1][1] for ranges in self.ranges().values()}
        assert len(ends) <= 1
        return ends.pop() if ends else 0


def taken(run: Recorded) -> int:
    """How many frames the segments tell of."""
    return max((one["stop"] for one in run.segments()), default=0)


def check_consistent(run: Recorded) -> None:
    """See that documents tell of all whole frames that are in all files, and segments of all rows."""
    rate = {name: one["collections_per_event"] for name, one in run.start["fly_scan"]["detectors"].items()}
    least = min((len(values) // rate[key.partition("-")[0]] for key, values in run.datasets().items()), default=0)
    assert run.told() == least
    assert sum(one["rows"] for one in run.segments()) == least


def check_places(run: Recorded, frames: int) -> None:
    """See that each frame is found in its resource too."""
    places = places_of(run.segments(), frames)
    rate = {name: one["collections_per_event"] for name, one in run.start["fly_scan"]["detectors"].items()}
    for key, parts in run.resources().items():
        before = np.cumsum([0, *(len(part) // rate.get(key.partition("-")[0], 1) for part in parts)])
        there = places.row >= 0
        assert np.array_equal(before[places.resource[there]] + places.resource_row[there], places.row[there])


def check(run: Recorded, spec: Spec[Any], frames: int | None = None, tolerance: float = 1e-6) -> NDArray[np.int64]:
    """See that each frame of a scan is in one row, at its position, in each file; give the rows by scan index.

    :param frames: how many were taken, if not all.
    """
    flown: set[Any] = {"x", "y"} & set(spec.axes())
    scan = Scan(spec, flown)
    points = scan.points()
    rows = rows_of(run.segments(), len(scan))
    taken = int(np.argmax(rows < 0)) if np.any(rows < 0) else len(scan)
    assert np.all(rows[taken:] < 0), "frames are missing in the middle"
    assert taken == (len(scan) if frames is None else frames)
    assert len(set(rows[:taken])) == taken
    told, data = run.told(), run.datasets()
    if not frames and not told:
        return rows
    assert told > rows[:taken].max(initial=-1)
    check_places(run, len(scan))
    rate = {name: one["collections_per_event"] for name, one in run.start["fly_scan"]["detectors"].items()}
    numbers = {}
    for key, values in data.items():
        detector, _, axis = key.partition("-")
        assert len(values) >= told * rate[detector], f"documents tell of more than {key} has"
        # Rows that are to be written over may still be there when a scan ends.
        if run.start["fly_scan"]["surplus"] != "overwrite":
            assert len(values) == told * rate[detector], f"documents do not tell of all that {key} has"
        whole = values[: told * rate[detector]].reshape(told, rate[detector], *values.shape[1:])[rows[:taken]]
        if axis in points.midpoints:
            error = np.abs(whole.mean(axis=1) - points.midpoints[axis][:taken])
            assert error.max(initial=0.0) < tolerance, f"{key} is misplaced"
        elif not axis:
            numbers[detector] = whole[:, 0, 0, 0]
            assert np.all(whole == whole[:, :1, :1, :1])
    first, *others = numbers.values()
    assert all(np.array_equal(first, other) for other in others), "detectors are out of step"
    return rows
