"""What areaDetector's plugins have in common: where their arrays come from, and whether they look at them."""

from __future__ import annotations

from beamwright_generator.twin.asyn import Port
from beamwright_generator.twin.driver import Driver
from beamwright_generator.twin.frame import Frame
from beamwright_generator.twin.world import World


class Plugin(Driver):
    """A plugin, which sees the frames of another port while its callbacks are enabled."""

    def __init__(self, world: World, name: str, port: Port) -> None:
        super().__init__(world, name, port)
        world.plugins.append(self)

    @property
    def source(self) -> str:
        """The port that the arrays come from."""
        return self.text("NDARRAY_PORT")

    def start(self) -> None:
        """Say which port this is."""
        super().start()
        self.set("PORT_NAME_SELF", self.name)

    def receive(self, frame: Frame) -> None:
        """Look at a frame, and hand it on."""
        if not self.get("ENABLE_CALLBACKS"):
            return
        self.set("ARRAY_COUNTER", int(self.get("ARRAY_COUNTER")) + 1)
        self.set("ARRAY_SIZE_X", frame.pixels.shape[1])
        self.set("ARRAY_SIZE_Y", frame.pixels.shape[0])
        self.set("UNIQUE_ID", frame.number)
        self.set("TIME_STAMP", frame.stamp)
        self.process(frame)
        if self.get("ARRAY_CALLBACKS"):
            for plugin in self.world.plugins:
                if isinstance(plugin, Plugin) and plugin.source == self.name:
                    plugin.receive(frame)

    def process(self, frame: Frame) -> None:
        """Do what the plugin is for."""
