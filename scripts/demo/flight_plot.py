"""The plot of a fly scan that was paused: where its frames are, and what the stage did meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.demo.frames import Frames
from scripts.demo.watch import Pause, Watch

BLUE, ORANGE = "#1f5fa8", "#d9662b"


def plot_flight(frames: Frames, watch: Watch, pause: Pause, image: Path) -> None:
    """Draw a flight.

    :param frames: of a scan of two axes, the slow one first in what the file holds.
    :param watch: the stage's readback as `x`, and the frames that were written as `frames`.
    :param image: the PNG file to write.
    """
    figure = Figure(figsize=(11, 6), dpi=110, layout="constrained")
    figure.suptitle(
        f"fly_map: {len(frames.rows)} frames, paused after {pause.frames} and resumed, simulated beamline x01",
        fontsize=14,
    )
    panels = figure.subplot_mosaic([["map", "way"], ["map", "written"], ["map", "error"]], width_ratios=[1.25, 1])
    _draw_map(panels["map"], frames, pause.frames)
    _draw_over_time(panels["way"], watch, pause, "x", "stage_x (mm)")
    _draw_over_time(panels["written"], watch, pause, "frames", "frames written")
    panels["way"].set(title="The stage stands still while paused")
    panels["written"].set(xlabel="time (s)")

    error = panels["error"]
    for axis, positions in frames.captured.items():
        off = 1000 * (positions[frames.rows] - frames.specified[axis])
        error.plot(np.arange(len(off)), off, ".", markersize=4, label=axis)
    error.axvline(pause.frames - 0.5, color=ORANGE, linewidth=1)
    error.set(xlabel="frame of the scan", ylabel="off by (um)")
    error.legend(loc="upper right", fontsize=8)
    error.grid(alpha=0.3)
    figure.savefig(image)


def _draw_map(panel: Axes, frames: Frames, paused_at: int) -> None:
    (x_name, x), (y_name, y) = frames.captured.items()
    panel.plot(frames.specified[x_name], frames.specified[y_name], "o", mfc="none", mec="0.6", ms=9, label="specified")
    order = panel.scatter(x[frames.rows], y[frames.rows], c=np.arange(len(frames.rows)), s=22, cmap="viridis", zorder=3)
    panel.plot(x[paused_at], y[paused_at], "s", mfc="none", mec=ORANGE, ms=13, mew=2, label="first after the pause")
    panel.set(
        xlabel=f"{x_name} (mm)", ylabel=f"{y_name} (mm)", title="Where each frame begins, as captured by the PandA"
    )
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False)
    panel.figure.colorbar(order, ax=panel, label="frame of the scan", location="top", shrink=0.8)


def _draw_over_time(panel: Axes, watch: Watch, pause: Pause, name: str, label: str) -> None:
    began = watch.times["x"][0]
    times = np.asarray(watch.times[name]) - began
    panel.step(times, watch.values[name], where="post", color=BLUE)
    panel.axvspan(pause.requested - began, pause.paused - began, color=ORANGE, alpha=0.45, linewidth=0)
    panel.axvspan(pause.paused - began, pause.resumed - began, color=ORANGE, alpha=0.2, linewidth=0, label="paused")
    panel.set(ylabel=label, xlim=(0, None))
    panel.legend(loc="upper left", fontsize=8)
    panel.grid(alpha=0.3)
