"""What areaDetector's drivers and plugins have in common: arrays that go to other ports, with attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from beamwright_twin.areadetector.asyn_driver import Driver
from beamwright_twin.areadetector.nd_attributes import AttributesError, AttributesStatus, NDAttribute, read_attributes
from beamwright_twin.description.asyn_ports import Port
from beamwright_twin.sim.frame import TYPES, Frame, Tag
from beamwright_twin.sim.world import World


class ArrayDriver(Driver):
    """A port that arrays come from."""

    def __init__(self, world: World, name: str, port: Port) -> None:
        super().__init__(world, name, port)
        self._attributes: tuple[NDAttribute, ...] = ()

    def start(self) -> None:
        """Publish the name of the port."""
        super().start()
        self.set("PORT_NAME_SELF", self.name)
        self._read_attributes()

    def written(self, parameter: str) -> None:
        """Read the attributes anew when they are written."""
        super().written(parameter)
        if parameter in ("ND_ATTRIBUTES_FILE", "ND_ATTRIBUTES_MACROS"):
            self._read_attributes()

    def _read_attributes(self) -> None:
        try:
            self._attributes = read_attributes(self.text("ND_ATTRIBUTES_FILE"), self.text("ND_ATTRIBUTES_MACROS"))
        except AttributesError as error:
            self._attributes = ()
            self.set("ND_ATTRIBUTES_STATUS", int(error.status))
            return
        for attribute in self._attributes:
            if attribute.kind == "EPICS_PV":
                self.world.pvs.watch(attribute.source)
        self.set("ND_ATTRIBUTES_STATUS", int(AttributesStatus.OK))

    def _tags(self) -> Iterator[tuple[str, Tag]]:
        for one in self._attributes:
            match one.kind:
                case "PARAM":
                    value = self.text(one.source) if one.text else self.get(one.source)
                case "EPICS_PV":
                    value = self.world.pvs.value(one.source, one.dtype)
                case _:
                    value = one.constant()
            yield one.name, Tag(value, one.dtype)

    def tagged(self, frame: Frame) -> Frame:
        """Add this port's attributes to a frame."""
        return replace(frame, tags={**frame.tags, **dict(self._tags())}) if self._attributes else frame

    def describe(self, frame: Frame) -> None:
        """Publish the size, type and dimensions of a frame."""
        pixels = frame.pixels
        self.set("ARRAY_NDIMENSIONS", pixels.ndim)
        self.set("ARRAY_DIMENSIONS", [*frame.dimensions, *[0] * (10 - pixels.ndim)])
        self.set("ARRAY_SIZE_X", pixels.shape[1])
        self.set("ARRAY_SIZE_Y", pixels.shape[0])
        self.set("ARRAY_SIZE", pixels.nbytes)
        self.set("DATA_TYPE", TYPES.index(str(pixels.dtype)))
        self.set("UNIQUE_ID", frame.number)
        self.set("TIME_STAMP", frame.stamp)

    def count(self) -> int:
        """Count one more array, and give its number."""
        number = self.number("ARRAY_COUNTER") + 1
        self.set("ARRAY_COUNTER", number)
        return number

    def send(self, frame: Frame) -> None:
        """Send a frame to the plugins that listen, while array callbacks are enabled."""
        if self.get("ARRAY_CALLBACKS"):
            self.world.frame_routes.send(self.name, frame)
