"""Documents made by hand, and files that hold what they tell of, in the shape in which ophyd-async makes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from beamwright_runtime.fly import Segment
from beamwright_runtime.nexus import NexusWriter, Written

FRAME = (2, 3)


class MadeRun:
    """A run whose documents go to a writer one by one.

    :param folder: of the detectors' files.
    :param writer: the consumer.
    :param start: more of the start document.
    """

    def __init__(self, folder: Path, writer: NexusWriter, uid: str = "made-by-hand", **start: Any) -> None:
        self.folder = folder
        self.writer = writer
        self.uid = uid
        self._numbers = count()
        self._files: dict[str, str] = {}
        self._descriptors: dict[str, str] = {}
        writer("start", {"uid": uid, "time": 1e9, "plan_name": "by_hand", **start})

    def describe(self, *, stream: str = "primary", configuration: dict[str, Any] | None = None, **keys: Any) -> None:
        """Describe a stream: its data keys, each by shape and type, by whole data key, or as internal by None."""
        described = {key.replace("__", "-"): self._data_key(one) for key, one in keys.items()}
        uid = self._descriptors[stream] = self._new(f"descriptor-{stream}")
        self.writer(
            "descriptor",
            {
                "uid": uid,
                "run_start": self.uid,
                "time": 1e9,
                "name": stream,
                "data_keys": described,
                "object_keys": {"scanner": list(described)},
                "hints": {},
                "configuration": configuration or {},
            },
        )

    def _new(self, name: str) -> str:
        return f"{self.uid}-{name}-{next(self._numbers)}"

    @staticmethod
    def _data_key(one: Any) -> dict[str, Any]:
        if isinstance(one, dict):
            return one
        if one is None:
            return {"source": "", "dtype": "number", "shape": []}
        per_frame, dtype = one
        numpy = np.dtype(dtype).str
        return {
            "source": "",
            "dtype": "array",
            "dtype_numpy": numpy,
            "shape": [per_frame, *FRAME],
            "external": "STREAM:",
        }

    def file(
        self, key: str, numbers: Sequence[int], dtype: str = "u4", mimetype: str = "application/x-hdf5", **options: Any
    ) -> Path:
        """Write a file whose frames carry a number in each pixel, and tell of it."""
        path = self.folder / f"{key}_{next(self._numbers)}.h5"
        with h5py.File(path, "w") as file:
            frames = np.asarray(numbers).reshape(-1, *(1 for _ in options.get("frame", FRAME)))
            file["/entry/data"] = np.broadcast_to(frames, (len(numbers), *options.get("frame", FRAME))).astype(dtype)
        uid = self._files[key] = self._new(key)
        self.writer(
            "stream_resource",
            {
                "uid": uid,
                "run_start": self.uid,
                "data_key": key,
                "mimetype": mimetype,
                "uri": f"file://localhost{path}",
                "parameters": {"dataset": "/entry/data", "chunk_shape": [1, *FRAME]},
            },
        )
        return path

    def rows(self, key: str, index: int, stop: int, seq: int | None = None, stream: str = "primary") -> None:
        """Tell of rows of the last file of a data key."""
        first = index + 1 if seq is None else seq
        self.writer(
            "stream_datum",
            {
                "uid": self._new("datum"),
                "stream_resource": self._files[key],
                "descriptor": self._descriptors[stream],
                "indices": {"start": index, "stop": stop},
                "seq_nums": {"start": first, "stop": first + stop - index},
            },
        )

    def event(self, seq: int, stream: str = "primary", **data: Any) -> None:
        """Tell of an event."""
        data = {key.replace("__", "-"): value for key, value in data.items()}
        self.writer(
            "event",
            {
                "uid": self._new("event"),
                "descriptor": self._descriptors[stream],
                "time": 1e9 + seq,
                "seq_num": seq,
                "data": data,
                "timestamps": dict.fromkeys(data, 1e9),
                "filled": {},
            },
        )

    def segments(self, *segments: tuple[int, int, int, int]) -> None:
        """Tell of segments of a fly scan: start, stop, row, rows."""
        names = [one.name for one in fields(Segment)]
        self.describe(stream="fly_segments", **{f"fly_segments__{name}": None for name in names})
        for number, one in enumerate(segments):
            told = dict(zip(("start", "stop", "row", "rows"), one, strict=True))
            values: dict[str, Any] = dict.fromkeys(names, 0) | told | {"segment": number, "reason": "pause"}
            self.event(number + 1, "fly_segments", **{f"fly_segments__{name}": values[name] for name in names})

    def stop(self, exit_status: str = "success", reason: str = "") -> Written:
        """End the run, and give what was written."""
        uid = self._new("stop")
        stop = {"uid": uid, "run_start": self.uid, "time": 1e9 + 60, "exit_status": exit_status, "reason": reason}
        self.writer("stop", stop)
        (written,) = [one for one in self.writer.written if one.run == self.uid]
        return written


def numbers_in(written: Written, path: str = "/entry/data/det") -> NDArray[Any]:
    """Give the number that each frame of a field carries, and see that all of its pixels agree."""
    assert written.path is not None
    with h5py.File(written.path) as file:
        frames = file[path][()]
    first = frames[..., :1, :1]
    assert np.array_equal(frames, np.broadcast_to(first, frames.shape), equal_nan=frames.dtype.kind == "f")
    return np.asarray(first[..., 0, 0])


def tree(group: h5py.Group, indent: str = "") -> list[str]:
    """Print a group as docs/nexus.md does: classes, types and shapes, what is linked to what."""
    lines = []
    for name in group:
        one = group.get(name, getlink=True)
        if isinstance(one, h5py.ExternalLink):
            lines.append(f"{indent}{name} -> {re.sub('[0-9a-f-]{36}', 'det', one.filename)}:{one.path}")
            continue
        item = group[name]
        told = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in item.attrs.items()}
        if isinstance(item, h5py.Group):
            lines.append(f"{indent}{name}: {told.pop('NX_class')}")
            told.pop("device", None)
            lines += [f"{indent}  @{key} = {value}" for key, value in told.items()]
            lines += tree(item, f"{indent}  ") if name != "fly_segments" else [f"{indent}  ..."]
        elif told.get("target", item.name) != item.name:
            lines.append(f"{indent}{name} = {told['target']}")
        else:
            lines.append(f"{indent}{name}: {_type(item)}")
    return lines


def _type(dataset: h5py.Dataset) -> str:
    name = "text" if dataset.dtype.kind == "O" else str(dataset.dtype)
    shape = str(list(dataset.shape)) if dataset.shape else ""
    units = f", {dataset.attrs['units']}" if "units" in dataset.attrs else ""
    return name + shape + units + (", virtual" if dataset.is_virtual else "")
