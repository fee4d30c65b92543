"""What the live tests of cameras share: waiting for records of a twin, and what its file writer is set to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from beamwright_twin import Twin, frame_number

P = "BL01X-EA-CAM-01:"
DATA = "/entry/data/data"
ATTRIBUTES = "/entry/instrument/NDAttributes"


def plain(value: Any) -> Any:
    """Give an array of characters as text."""
    return bytes(value).partition(b"\0")[0].decode() if isinstance(value, list) else value


def wait_until(true: Callable[[], bool], what: str = "it") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come"


def wait_for(twin: Twin, record: str, wanted: float | str) -> None:
    """Wait until a record of the camera has a value."""
    wait_until(lambda: plain(twin.get(P + record)) == wanted, f"{record} = {wanted!r}")


def put(twin: Twin, values: dict[str, Any]) -> None:
    """Write records of the camera, one after the other."""
    for record, value in values.items():
        twin.put(P + record, value)


def start_capture(twin: Twin, folder: Path, name: str) -> None:
    """Start a stream into a file that can be read while it is written."""
    text = {"FilePath": str(folder), "FileName": name, "FileTemplate": "%s%s.h5", "XMLFileName": ""}
    switches = {"FileWriteMode": "Stream", "LazyOpen": 1, "SWMRMode": 1, "EnableCallbacks": 1, "NumCapture": 0}
    put(twin, {f"HDF5:{record}": value for record, value in (text | switches).items()})
    put(twin, {"HDF5:Capture": 1})
    wait_for(twin, "HDF5:Capture_RBV", 1)


def end_capture(twin: Twin) -> None:
    """End a stream, and wait until its file is closed."""
    put(twin, {"HDF5:Capture": 0})
    wait_for(twin, "HDF5:Capture_RBV", 0)


def captured(twin: Twin, file: Path, wanted: int) -> tuple[list[int], list[float]]:
    """Wait for so many frames, and give their numbers and times from a file that is still written."""
    wait_for(twin, "HDF5:NumCaptured_RBV", wanted)
    put(twin, {"HDF5:FlushNow": 1})
    wait_for(twin, "HDF5:FlushNow", 0)
    with h5py.File(file, swmr=True) as content:
        return [frame_number(frame) for frame in content[DATA]], list(content[f"{ATTRIBUTES}/NDArrayTimeStamp"])
