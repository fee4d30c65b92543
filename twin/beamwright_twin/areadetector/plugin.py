"""What areaDetector's plugins have in common: where their arrays come from, and whether they look at them."""

from __future__ import annotations

from beamwright_twin.areadetector.array_driver import ArrayDriver
from beamwright_twin.description.asyn_ports import Port
from beamwright_twin.sim.frame import Frame
from beamwright_twin.sim.world import World


class Plugin(ArrayDriver):
    """A plugin, which sees the frames of another port while its callbacks are enabled.

    It is never too slow: what it does with a frame is done before the next one is taken.
    """

    def __init__(self, world: World, name: str, port: Port) -> None:
        super().__init__(world, name, port)
        self._seen: float | None = None
        world.frame_routes.add(self)

    @property
    def source(self) -> str:
        """The port that the arrays come from."""
        return self.text("NDARRAY_PORT")

    def receive(self, frame: Frame) -> None:
        """Process a frame, and send the result to the plugins behind this one."""
        shortest = self.get("MIN_CALLBACK_TIME")
        too_soon = self._seen is not None and shortest > 0 and frame.time - self._seen < shortest
        if not self.get("ENABLE_CALLBACKS") or too_soon:
            return
        self._seen = frame.time
        self.count()
        made = self.process(frame)
        self.describe(made)
        self.send(self.tagged(made))

    def process(self, frame: Frame) -> Frame:
        """Process a frame and return the one to send on."""
        return frame
