"""A camera as ADDriver plays it: it takes frames at its own pace, and hands them to its plugins."""

from __future__ import annotations

import time

from beamwright_generator.twin.asyn import Port
from beamwright_generator.twin.driver import Driver
from beamwright_generator.twin.frame import Frame, draw
from beamwright_generator.twin.plugin import Plugin
from beamwright_generator.twin.world import World

IDLE, ACQUIRING, ABORTED = 0, 1, 10
SINGLE, MULTIPLE = 0, 1
LATE = 1.0
"""Simulated seconds that a late frame takes longer."""


class Camera(Driver):
    """A camera that is triggered by itself."""

    def __init__(self, world: World, name: str, port: Port) -> None:
        super().__init__(world, name, port)
        self._run = 0
        self._acquiring = False
        self._taken = 0
        self._faults: set[str] = set()
        for record in port["parameters"]["ACQUIRE"]["writers"]:
            world.faulty[record] = self

    def start(self) -> None:
        """Say how large the sensor is, which is what the database asks for first."""
        super().start()
        self.set("PORT_NAME_SELF", self.name)
        self.set("MANUFACTURER", "Simulated detector")
        for axis in "XY":
            size = int(self.get(f"SIZE_{axis}"))
            self.set(f"MAX_SIZE_{axis}", size)
            self.set(f"ARRAY_SIZE_{axis}", size)

    def written(self, parameter: str) -> None:
        """Start or stop; take over sizes."""
        if parameter != "ACQUIRE":
            super().written(parameter)
            if parameter in ("SIZE_X", "SIZE_Y"):
                self.set(f"ARRAY_{parameter}", int(self.get(parameter)))
            return
        wanted = bool(self.get("ACQUIRE"))
        if wanted and not self._acquiring:
            self._begin()
        elif not wanted and self._acquiring:
            self._end(ABORTED if self.get("IMAGE_MODE") in (SINGLE, MULTIPLE) else IDLE)

    def fault(self, kind: str, on: bool) -> None:
        """Lose the frames that are taken from now on, on their way to the plugins, or let them come late.

        :raises ValueError: when the fault is neither `dropped` nor `late`.
        """
        if kind not in ("dropped", "late"):
            raise ValueError(f"a camera has no fault {kind!r}; its frames can be dropped or late")
        if on:
            self._faults.add(kind)
        else:
            self._faults.discard(kind)

    def _begin(self) -> None:
        self._run += 1
        self._acquiring, self._taken = True, 0
        self.set("ACQUIRE", 1)
        self.set("ACQUIRE_BUSY", 1)
        self.set("NIMAGES_COUNTER", 0)
        self.set("STATUS", ACQUIRING)
        self._expect(self._run, self.world.clock.now())

    def _expect(self, run: int, start: float) -> None:
        """Have the next frame taken at its time: the first ends one exposure after the start, then each a period on."""
        exposure = max(0.0, self.get("ACQ_TIME"))
        period = max(exposure, self.get("ACQ_PERIOD"))
        ends = start + exposure + self._taken * period
        self.world.schedule.at(ends, lambda: self._take(run, start, ends))

    def _take(self, run: int, start: float, ends: float) -> None:
        if run != self._run or not self._acquiring:
            return
        self._taken += 1
        number = int(self.get("ARRAY_COUNTER")) + 1
        height, width = int(self.get("SIZE_Y")), int(self.get("SIZE_X"))
        pixels = draw(number, height, width, int(self.get("DATA_TYPE")))
        frame = Frame(number, ends, time.time(), pixels)
        self.set("ARRAY_COUNTER", number)
        self.set("NIMAGES_COUNTER", self._taken)
        self.set("ARRAY_SIZE", pixels.nbytes)
        self.set("UNIQUE_ID", number)
        self.set("TIME_STAMP", frame.stamp)
        if self.get("ARRAY_CALLBACKS") and "dropped" not in self._faults:
            if "late" in self._faults:
                self.world.schedule.at(ends + LATE, lambda: self._hand_on(frame))
            else:
                self._hand_on(frame)
        mode = int(self.get("IMAGE_MODE"))
        wanted = 1 if mode == SINGLE else int(self.get("NIMAGES")) if mode == MULTIPLE else 0
        if wanted and self._taken >= wanted:
            self._end(IDLE)
        else:
            self._expect(run, start)

    def _hand_on(self, frame: Frame) -> None:
        for plugin in self.world.plugins:
            if isinstance(plugin, Plugin) and plugin.source == self.name:
                plugin.receive(frame)

    def _end(self, state: int) -> None:
        self._acquiring = False
        self.set("STATUS", state)
        self.set("ACQUIRE", 0)
        self.set("ACQUIRE_BUSY", 0)
