"""The plot of a step scan: where the axis was, what the camera counted, and what it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
from matplotlib.figure import Figure

FRAMES = "/entry/data/data"
BLUE, ORANGE = "#1f5fa8", "#d9662b"


def plot(documents: Mapping[str, Sequence[Mapping[str, Any]]], file: Path, image: Path) -> None:
    """Draw a scan.

    :param documents: of one run, by kind: events in the stream `primary`, the axis's readback in a stream of its own.
    :param file: with the frames.
    :param image: the PNG file to write.
    """
    (start,) = documents["start"]
    (axis,) = start["motors"]
    (primary,) = (one for one in documents["descriptor"] if one["name"] == "primary")
    events = [event for event in documents["event"] if event["descriptor"] == primary["uid"]]
    on_the_way = [event for event in documents["event"] if event["descriptor"] != primary["uid"]]
    (total,) = (name for name in primary["data_keys"] if name.endswith("-total"))
    positions = [event["data"][axis] for event in events]
    units = f"{axis} ({primary['data_keys'][axis]['units']})"
    with h5py.File(file, swmr=True) as opened:
        frames: Any = opened[FRAMES]
        frame = frames[len(events) // 2]

    figure = Figure(figsize=(11, 6), dpi=110, layout="constrained")
    figure.suptitle(f"{start['plan_name']} of {axis}: {len(events)} frames, simulated beamline x01", fontsize=14)
    panels = figure.subplot_mosaic([["counts", "way"], ["counts", "frame"]], width_ratios=[1.25, 1])

    counts = panels["counts"]
    counts.plot(positions, [event["data"][total] / 1000 for event in events], "o-", color=BLUE)
    counts.set(
        xlabel=units,
        ylabel="total of the frame (1000 counts)",
        title="What the camera counted: its picture moves with every frame",
    )
    counts.grid(alpha=0.3)

    way, began = panels["way"], start["time"]
    way.step(*_over_time(on_the_way, axis, axis, began), where="post", color="0.5", label="readback")
    way.plot(*_over_time(events, axis, total, began), "o", color=ORANGE, markersize=4, label="frame taken")
    way.set(xlabel="time (s)", ylabel=units, title="Where the axis was", xlim=(0, None))
    way.legend(loc="upper left")
    way.grid(alpha=0.3)

    picture = panels["frame"]
    shown = picture.imshow(frame, cmap="viridis")
    picture.set(xlabel="x (pixel)", ylabel="y (pixel)", title=f"Frame {len(events) // 2 + 1} in the HDF5 file")
    figure.colorbar(shown, ax=picture, label="counts")
    figure.savefig(image)


def _over_time(
    events: Sequence[Mapping[str, Any]], axis: str, stamped: str, began: float
) -> tuple[list[float], list[float]]:
    """Return the seconds at which something was measured, and where the axis was."""
    return [event["timestamps"][stamped] - began for event in events], [event["data"][axis] for event in events]
