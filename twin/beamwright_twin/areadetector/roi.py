"""NDPluginROI: a region of each frame, binned, turned, scaled and of another type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from beamwright_twin.areadetector.plugin import Plugin
from beamwright_twin.sim.frame import TYPES, Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Roi(Plugin):
    """A region; what it is after it was fitted into the frame, its readbacks say."""

    def process(self, frame: Frame) -> Frame:
        """Cut the region out."""
        pixels = frame.pixels
        axes = {1: "DIM0", 0: "DIM1"} if pixels.ndim == 2 else {2: "DIM0", 1: "DIM1", 0: "DIM2"}
        for axis, dimension in axes.items():
            pixels = self._cut(pixels, axis, dimension)
        if self.get("ENABLE_SCALE") and self.get("SCALE_VALUE"):
            pixels = pixels / self.get("SCALE_VALUE")
        wanted = self.state("ROI_DATA_TYPE").lower()
        return replace(frame, pixels=pixels.astype(wanted if wanted in TYPES else frame.pixels.dtype))

    def _cut(self, pixels: NDArray[Any], axis: int, dimension: str) -> NDArray[Any]:
        length = pixels.shape[axis]
        self.set(f"{dimension}_MAX_SIZE", length)
        if not self.get(f"{dimension}_ENABLE"):
            return pixels
        first = min(max(0, self.number(f"{dimension}_MIN")), length - 1)
        wanted = length if self.get(f"{dimension}_AUTO_SIZE") else self.number(f"{dimension}_SIZE")
        size = min(max(1, wanted), length - first)
        each = min(max(1, self.number(f"{dimension}_BIN")), size)
        self._show_region(dimension, first, size, each)
        size -= size % each
        part = pixels.take(range(first, first + size), axis=axis)
        if each > 1:
            shape = (*part.shape[:axis], size // each, each, *part.shape[axis + 1 :])
            part = part.astype("f8").reshape(shape).sum(axis=axis + 1)
        if self.get(f"{dimension}_REVERSE"):
            part = part[tuple(slice(None, None, -1) if one == axis else slice(None) for one in range(part.ndim))]
        return part

    def _show_region(self, dimension: str, first: int, size: int, each: int) -> None:
        """Publish the region that was used, and keep the requested one: the next frame may be larger."""
        asked = {name: self.number(name) for name in (f"{dimension}_{part}" for part in ("MIN", "SIZE", "BIN"))}
        for name, value in zip(asked, (first, size, each), strict=True):
            self.set(name, value)
        self._values |= asked
