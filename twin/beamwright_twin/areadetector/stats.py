"""NDPluginStats: what the pixels of a frame add up to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from beamwright_twin.areadetector.plugin import Plugin
from beamwright_twin.records.python_record import Value
from beamwright_twin.sim.frame import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

Values = Iterator[tuple[str, Value | list[Value]]]


class Stats(Plugin):
    """Statistics of each frame, while they are asked for."""

    def process(self, frame: Frame) -> Frame:
        """Compute what is asked for."""
        pixels = frame.pixels if frame.pixels.ndim == 2 else frame.pixels.sum(axis=2)
        computed = {
            "COMPUTE_STATISTICS": self._statistics,
            "COMPUTE_CENTROID": self._centroid,
            "COMPUTE_PROFILES": self._profiles,
            "COMPUTE_HISTOGRAM": self._histogram,
        }
        for wanted, compute in computed.items():
            if self.get(wanted):
                for parameter, value in compute(pixels):
                    self.set(parameter, value)
        return frame

    def _statistics(self, pixels: NDArray[Any]) -> Values:
        total = float(pixels.sum())
        yield "MIN_VALUE", float(pixels.min())
        yield "MAX_VALUE", float(pixels.max())
        yield "MEAN_VALUE", total / pixels.size
        yield "SIGMA_VALUE", float(pixels.std())
        yield "TOTAL", total
        yield "NET", total - self._background(pixels) * pixels.size
        for name, where in (("MIN", int(pixels.argmin())), ("MAX", int(pixels.argmax()))):
            row, column = divmod(where, pixels.shape[1])
            yield f"{name}_X", float(column)
            yield f"{name}_Y", float(row)

    def _background(self, pixels: NDArray[Any]) -> float:
        """Return the mean of the pixels along the edge; 0 if the edge has no width or leaves no pixels inside."""
        width = self.number("BGD_WIDTH")
        inside = pixels[width:-width, width:-width] if width > 0 else pixels
        edge = pixels.size - inside.size
        return (float(pixels.sum()) - float(inside.sum())) / edge if edge and inside.size else 0.0

    def _centroid(self, pixels: NDArray[Any]) -> Values:
        import numpy as np

        counted = np.where(pixels >= self.get("CENTROID_THRESHOLD"), pixels, 0).astype("f8")
        total = float(counted.sum())
        yield "CENTROID_TOTAL", total
        for name, axis in (("X", 0), ("Y", 1)):
            along = counted.sum(axis=axis)
            places = np.arange(along.size)
            mean = float((along * places).sum() / total) if total else 0.0
            spread = float((along * (places - mean) ** 2).sum() / total) if total else 0.0
            yield f"CENTROID{name}_VALUE", mean
            yield f"SIGMA{name}_VALUE", spread**0.5

    def _profiles(self, pixels: NDArray[Any]) -> Values:
        rows, columns = pixels.shape
        row = min(max(0, self.number("CURSOR_Y")), rows - 1)
        column = min(max(0, self.number("CURSOR_X")), columns - 1)
        yield "PROFILE_SIZE_X", columns
        yield "PROFILE_SIZE_Y", rows
        yield "PROFILE_AVERAGE_X", pixels.mean(axis=0).tolist()
        yield "PROFILE_AVERAGE_Y", pixels.mean(axis=1).tolist()
        yield "PROFILE_CURSOR_X", pixels[row].astype("f8").tolist()
        yield "PROFILE_CURSOR_Y", pixels[:, column].astype("f8").tolist()
        yield "CURSOR_VAL", float(pixels[row, column])

    def _histogram(self, pixels: NDArray[Any]) -> Values:
        import numpy as np

        low, high, bins = self.get("HIST_MIN"), self.get("HIST_MAX"), max(1, self.number("HIST_SIZE"))
        if high <= low:
            return
        counts, edges = np.histogram(pixels, bins=bins, range=(low, high))
        shares = counts[counts > 0] / pixels.size
        yield "HIST_BELOW", int((pixels < low).sum())
        yield "HIST_ABOVE", int((pixels > high).sum())
        yield "HIST_ENTROPY", float(-(shares * np.log(shares)).sum())
        yield "HIST_ARRAY", counts.astype("f8").tolist()
        yield "HIST_X_ARRAY", edges[:-1].tolist()
