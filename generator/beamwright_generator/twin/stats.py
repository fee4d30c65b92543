"""NDPluginStats: what the pixels of a frame add up to."""

from __future__ import annotations

from beamwright_generator.twin.frame import Frame
from beamwright_generator.twin.plugin import Plugin


class Stats(Plugin):
    """Statistics of each frame, while they are asked for."""

    def process(self, frame: Frame) -> None:
        """Compute the statistics that do not depend on further settings."""
        if not self.get("COMPUTE_STATISTICS"):
            return
        pixels = frame.pixels
        values = {
            "MIN_VALUE": pixels.min(),
            "MAX_VALUE": pixels.max(),
            "MEAN_VALUE": pixels.mean(),
            "SIGMA_VALUE": pixels.std(),
            "TOTAL": pixels.sum(),
            "NET": pixels.sum(),
        }
        for parameter, value in values.items():
            self.set(parameter, float(value))
