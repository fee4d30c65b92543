"""Fields with a value for each place of a scan's grid: virtual datasets over files, and values of events.

ADR 0027 rules here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from beamwright_runtime.nexus.grid import Grid
from beamwright_runtime.nexus.pieces import NOWHERE, pieces
from beamwright_runtime.nexus.run_record import Stream, Stretch
from beamwright_runtime.nexus.stream_files import FoundDataset, find_dataset
from beamwright_runtime.nexus.virtual_field import VirtualField


def fill_value(dtype: np.dtype[Any]) -> Any:
    """Return the value that stands where no frame was taken: what no detector reads.

    Not a number for floats, the lowest for signed integers, the highest for unsigned ones, as in dead pixels.
    """
    match dtype.kind:
        case "f" | "c":
            return np.nan
        case "i":
            return np.iinfo(dtype).min
        case "u":
            return np.iinfo(dtype).max
        case _:
            return np.zeros((), dtype)[()]


class Fields:
    """Makes the fields of one stream.

    :param stream: the documents.
    :param resources: stream resources by uid.
    :param grid: where each row belongs.
    :param folder: of the file that is written.
    :param problems: gets what is missing.
    """

    def __init__(
        self,
        stream: Stream,
        resources: Mapping[str, Mapping[str, Any]],
        grid: Grid,
        folder: Path,
        problems: list[str],
    ) -> None:
        self._stream = stream
        self._resources = resources
        self._grid = grid
        self._folder = folder
        self._problems = problems
        self._found: dict[str, FoundDataset | None] = {}

    def found(self, resource: str) -> FoundDataset | None:
        """Look at the dataset of a stream resource, once."""
        if resource not in self._found:
            self._found[resource] = find_dataset(self._resources[resource], self._folder, self._problems)
        return self._found[resource]

    def resources(self, key: str) -> list[str]:
        """List the uids of the resources of a data key, in the order in which rows refer to them."""
        return list(dict.fromkeys(one.resource for one in self._stream.stretches.get(key, ())))

    def write(self, group: h5py.Group, name: str, key: str) -> h5py.Dataset | None:
        """Write the field of a data key; None if there is nothing to write, with a problem if there should be."""
        if key in self._stream.stretches:
            return self._virtual(group, name, key)
        if "external" in self._stream.data_keys[key]:
            self._problems.append(f"{key}: the documents have no rows")
            return None
        return self._plain(group, name, key)

    def _virtual(self, group: h5py.Group, name: str, key: str) -> h5py.Dataset | None:
        described = self._stream.data_keys[key]
        per_frame = int(described["shape"][0]) if described.get("shape") else 1
        found = {uid: one for uid in self.resources(key) if (one := self.found(uid)) is not None}
        if not found:
            return None
        frame, dtype = _frame(found.values(), described)
        field = VirtualField(self._grid.shape, per_frame, frame, dtype, fill_value(dtype))
        missing = self._grid.rows.size
        for uid, rows in self._rows(self._stream.stretches[key]).items():
            one = found.get(uid)
            if one is None or (one.shape is not None and one.shape[1:] != frame):
                self._problems.append(f"{key}: frames in {one.path if one else uid} are not like the others")
                continue
            length = self._length(key, one, rows, per_frame)
            for piece in pieces(rows):
                field.add(piece, one.path, one.name, length)
            missing -= int(np.count_nonzero(rows != NOWHERE))
        return _with_missing(field.write(group, name), missing)

    def _length(self, key: str, one: FoundDataset, rows: NDArray[np.int64], per_frame: int) -> int:
        """Return how many collections a file has, as far as is known, and drop the rows that it lacks."""
        if one.shape is None:
            return (int(rows.max(initial=NOWHERE)) + 1) * per_frame
        whole = one.shape[0] // per_frame
        if np.any(rows >= whole):
            self._problems.append(f"{key}: {one.path} has {whole} frames, the documents say {rows.max() + 1}")
            rows[rows >= whole] = NOWHERE
        return one.shape[0]

    def _rows(self, stretches: Sequence[Stretch]) -> dict[str, NDArray[np.int64]]:
        """Return the row within each resource at each point of the grid; the last document counts."""
        last = max(one.seq + one.rows for one in stretches)
        resources = list(dict.fromkeys(one.resource for one in stretches))
        owner = np.full(last + 1, NOWHERE)
        index = np.full(last + 1, NOWHERE)
        for one in stretches:
            owner[one.seq : one.seq + one.rows] = resources.index(one.resource)
            index[one.seq : one.seq + one.rows] = np.arange(one.index, one.index + one.rows)
        seqs = self._seqs(last)
        return {uid: np.where(owner[seqs] == number, index[seqs], NOWHERE) for number, uid in enumerate(resources)}

    def _plain(self, group: h5py.Group, name: str, key: str) -> h5py.Dataset | None:
        events = self._stream.events
        seqs = [seq for seq, event in events.items() if key in event["data"]]
        values = as_array([events[seq]["data"][key] for seq in seqs])
        if values is None:
            if seqs:
                self._problems.append(f"{key}: values of events have no common shape, so they are left out")
            return None
        last = max(seqs) + 1
        number = np.full(last + 1, NOWHERE)
        number[seqs] = np.arange(len(seqs))
        chosen = number[self._seqs(last)]
        there = chosen != NOWHERE
        if values.dtype.kind == "b" and not there.all():
            values = values.astype(np.int8)
        text = values.dtype.kind in "US"
        fill = "" if text else fill_value(values.dtype)
        whole: NDArray[Any] = np.full((*self._grid.shape, *values.shape[1:]), fill, values.dtype)
        whole[there] = values[chosen[there]]
        dataset = group.create_dataset(name, data=whole.astype(h5py.string_dtype()) if text else whole)
        return _with_missing(dataset, int(np.count_nonzero(~there)))

    def _seqs(self, nobody: int) -> NDArray[np.int64]:
        """Return the sequence number at each place of the grid: rows are one behind.

        :param nobody: for places without a frame, and numbers from this one on.
        """
        rows = self._grid.rows
        return np.where((rows >= 0) & (rows + 1 < nobody), rows + 1, nobody)


def as_array(values: Sequence[Any]) -> NDArray[Any] | None:
    """Make an array of values of events or of configuration; None if they are of no common shape or type."""
    plain = [one.value if isinstance(one, Enum) else one for one in values]
    if not plain:
        return None
    try:
        array = np.asarray(plain)
    except ValueError:
        return None
    return None if array.dtype.kind not in "biufcUS" else array


def _frame(found: Iterable[FoundDataset], described: Mapping[str, Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type of a collection, from the files, or else from the documents."""
    for one in found:
        if one.shape is not None and one.dtype is not None:
            return one.shape[1:], one.dtype
    dtype = described.get("dtype_numpy", "<f8")
    return tuple(described["shape"][1:]), np.dtype(dtype if isinstance(dtype, str) else [tuple(one) for one in dtype])


def _with_missing(dataset: h5py.Dataset, missing: int) -> h5py.Dataset:
    if missing:
        dataset.attrs["frames_missing"] = missing
    return dataset
