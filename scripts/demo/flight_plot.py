"""The plot of a fly scan that was paused: where its frames are, and what the stage did meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.demo.frames import Frames
from scripts.demo.watch import Pause, Watch

BLUE, ORANGE = "#1f5fa8", "#d9662b"


def plot_flight(frames: Frames, totals: Sequence[int], watch: Watch, pause: Pause, image: Path) -> None:
    """Draw a flight.

    :param frames: of a scan of two axes.
    :param totals: of the camera's frames, in the order of the rows of its file.
    :param watch: the stage's readback as `x`, and the frames that were written as `frames`.
    :param image: the PNG file to write.
    """
    figure = Figure(figsize=(11, 6), dpi=110, layout="constrained")
    figure.suptitle(
        f"fly_map: {len(frames.rows)} frames, paused after {pause.frames} and resumed, simulated beamline x01",
        fontsize=14,
    )
    panels = figure.subplot_mosaic([["map", "way"], ["map", "written"], ["map", "error"]], width_ratios=[1.25, 1])
    _draw_map(panels["map"], frames, totals, pause.frames)
    _draw_over_time(panels["way"], watch, pause, "x")
    panels["way"].set(ylabel="stage_x (mm)", title="The stage stands still while paused")
    panels["way"].margins(y=0.35)
    panels["way"].legend(loc="upper center", fontsize=7, ncols=2)
    _draw_over_time(panels["written"], watch, pause, "frames")
    panels["written"].set(ylabel="frames written", xlabel="time (s)")
    _draw_errors(panels["error"], frames, pause.frames)
    figure.savefig(image)


def _draw_map(panel: Axes, frames: Frames, totals: Sequence[int], paused_at: int) -> None:
    (x_name, x), (y_name, y) = frames.captured.items()
    x, y, counts = x[frames.rows], y[frames.rows], np.asarray(totals)[frames.rows] / 1000
    panel.plot(frames.specified[x_name], frames.specified[y_name], "o", mfc="none", mec="0.6", ms=10, label="specified")
    taken = panel.scatter(x, y, c=counts, s=36, cmap="viridis", zorder=3, label="captured")
    panel.plot(x[paused_at], y[paused_at], "s", mfc="none", mec=ORANGE, ms=14, mew=2, label="first after the pause")
    panel.set(
        xlabel=f"{x_name} (mm)", ylabel=f"{y_name} (mm)", title="Where each frame begins, and what the camera counted"
    )
    panel.legend(loc="center", ncols=3, frameon=False)
    panel.figure.colorbar(taken, ax=panel, label="total of the frame (1000 counts)", location="bottom", aspect=40)


def _draw_over_time(panel: Axes, watch: Watch, pause: Pause, name: str) -> None:
    began = watch.times["x"][0]
    panel.step(np.asarray(watch.times[name]) - began, watch.values[name], where="post", color=BLUE)
    panel.axvspan(pause.requested - began, pause.paused - began, color=ORANGE, alpha=0.45, lw=0, label="comes to rest")
    panel.axvspan(pause.paused - began, pause.resumed - began, color=ORANGE, alpha=0.2, lw=0, label="paused")
    panel.set(xlim=(0, None))
    panel.grid(alpha=0.3)


def _draw_errors(panel: Axes, frames: Frames, paused_at: int) -> None:
    for axis, positions in frames.captured.items():
        off = 1000 * (positions[frames.rows] - frames.specified[axis])
        panel.plot(np.arange(len(off)), off, ".", markersize=4, label=axis)
    widest = max(1.0, 1200 * frames.error)
    panel.axvline(paused_at - 0.5, color=ORANGE, linewidth=1)
    panel.set(xlabel="frame of the scan", ylabel="off by (um)", ylim=(-widest, widest))
    panel.legend(loc="upper right", fontsize=7)
    panel.grid(alpha=0.3)
