"""A camera as ADDriver plays it: it takes frames at its own pace or as it is triggered, and hands them to plugins."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Final

from beamwright_twin.areadetector.array_driver import ArrayDriver
from beamwright_twin.description.asyn_ports import Port
from beamwright_twin.sim.frame import MONO, RGB1, TYPES, Frame, Tag, draw
from beamwright_twin.sim.world import World

IDLE, ACQUIRING, WAITING, ABORTED = 0, 1, 7, 10
EPICS_EPOCH: Final = 631_152_000
"""Seconds from 1970 to 1990."""

LATE: Final = 1.0
"""Simulated seconds that frames are late while the fault `late` is on."""

SENSOR: Final = 1024
"""Rows and columns of a sensor whose size no database tells."""

FASTEST: Final = 0.001
"""Simulated seconds from frame to frame of a camera that is told no time."""

COLORS: Final = {MONO: 0, RGB1: 2}
_OWN_PACE = re.compile(r"int|off|free|auto|soft|none|^$", re.IGNORECASE)
"""The trigger modes in which a camera triggers itself, by their words."""

_SHORTEST: Final = 1e-9
"""Seconds that triggers may be closer than an exposure, for sums of binary fractions."""


class Camera(ArrayDriver):
    """A camera.

    An exposure starts with a trigger and ends ACQ_TIME later, when the frame is there. The camera's own triggers are
    ACQ_PERIOD apart, or as long as an exposure is. A trigger from outside that comes while an exposure lasts, or while
    nothing is acquired, is missed: it is counted, and there is no frame.
    """

    ORDERS: ClassVar[frozenset[str]] = frozenset({"trigger", "lose", "delay", "counts"})

    def __init__(self, world: World, name: str, port: Port) -> None:
        super().__init__(world, name, port)
        for record in self.writers("ACQUIRE"):
            world.faulty[record] = self
        self._epoch = time.time() - world.clock.wall(world.clock.now()) - EPICS_EPOCH
        self._run = 0
        self._acquiring = False
        self._armed = 0.0
        self._free = 0.0
        self._taken = 0
        self._missed = self._lost = 0
        self._to_lose = 0
        self._delays: list[float] = []
        self._dropping = self._late = self._stuck = False
        self._held: list[partial[None]] = []
        self._queued = 0
        self._handed_on = 0.0

    def start(self) -> None:
        """Publish the size of the sensor, which the database asks for first."""
        super().start()
        self.set("MANUFACTURER", "Simulated detector")
        self.set("STATUS_MESSAGE", "Waiting for acquire command")
        for axis in "XY":
            # Databases have a size of 1 where they leave it to the driver, and of the type they have the first.
            if self.number(f"SIZE_{axis}") <= 1:
                self.set_initial(f"SIZE_{axis}", SENSOR)
            self.set(f"MAX_SIZE_{axis}", self.number(f"SIZE_{axis}"))
        if not self.get("DATA_TYPE"):
            self.set_initial("DATA_TYPE", TYPES.index("uint8"))
        self._measure()

    def written(self, parameter: str) -> None:
        """Start or stop; take over sizes."""
        if parameter == "ACQUIRE":
            self._attempt(partial(self._acquire, bool(self.get("ACQUIRE"))))
            return
        super().written(parameter)
        if parameter.startswith(("SIZE_", "BIN_", "MIN_")):
            self._measure()

    def _acquire(self, wanted: bool) -> None:
        if wanted and not self._acquiring:
            self._begin()
        elif not wanted and self._acquiring:
            aborted = self.state("IMAGE_MODE") != "Continuous"
            self._end(ABORTED if aborted else IDLE, "Acquisition aborted" if aborted else "Acquisition stopped")
        elif not wanted:
            self.set("ACQUIRE", 0)

    # Size

    @property
    def _region(self) -> tuple[int, int, int, int]:
        """The first row and column that are read out, and how many rows and columns that makes, after binning."""
        found = []
        for axis in "YX":
            most = self.number(f"MAX_SIZE_{axis}")
            first = min(max(0, self.number(f"MIN_{axis}")), max(0, most - 1))
            size = min(self.number(f"SIZE_{axis}"), most - first)
            found.append((first, max(1, size // max(1, self.number(f"BIN_{axis}")))))
        (row, rows), (column, columns) = found
        return row, column, rows, columns

    def _measure(self) -> None:
        _, _, rows, columns = self._region
        self.set("ARRAY_SIZE_X", columns)
        self.set("ARRAY_SIZE_Y", rows)

    # Acquiring

    def _begin(self) -> None:
        self._run += 1
        self._acquiring, self._taken = True, 0
        self._armed = self._free = self.world.clock.now()
        self.set("ACQUIRE", 1)
        self.set("ACQUIRE_BUSY", 1)
        self.set("NIMAGES_COUNTER", 0)
        if self._triggered_from_outside:
            self.set("STATUS", WAITING)
            self.set("STATUS_MESSAGE", "Waiting for triggers")
        else:
            self.set("STATUS", ACQUIRING)
            self.set("STATUS_MESSAGE", "Acquiring data")
            self._expose(self._armed)

    @property
    def _triggered_from_outside(self) -> bool:
        return not _OWN_PACE.search(self.state("TRIGGER_MODE"))

    def trigger(self, times: Sequence[float]) -> None:
        """Trigger the camera from outside, from any thread.

        :param times: simulated seconds, in order; those that are past count as if they had been told in time.
        """
        for at in times:
            self.world.schedule.at(at, partial(self._trigger, at))

    def _trigger(self, at: float) -> None:
        ready = self._acquiring and self._triggered_from_outside and at >= self._armed
        if ready and at >= self._free - _SHORTEST:
            self._expose(at)
        else:
            self._missed += 1

    def _expose(self, start: float) -> None:
        self._free = end = start + max(0.0, self.get("ACQ_TIME"))
        self.world.schedule.at(end, partial(self._attempt, partial(self._read_out, self._run, start, end)))

    def _attempt(self, call: partial[None]) -> None:
        """Call a function now, or when the camera is no longer stuck."""
        if self._stuck:
            self._held.append(call)
        else:
            call()

    def _read_out(self, run: int, start: float, end: float) -> None:
        if run != self._run or not self._acquiring:
            return
        self._taken += 1
        frame = self._frame(self.count(), end)
        self.set("NIMAGES_COUNTER", self._taken)
        self.describe(frame)
        self._pass_on(frame)
        mode = self.state("IMAGE_MODE")
        wanted = 1 if mode == "Single" else 0 if mode == "Continuous" else self.number("NIMAGES")
        if wanted and self._taken >= wanted:
            self._end(IDLE, "Waiting for acquire command")
        elif not self._triggered_from_outside:
            self._expose(max(end, start + max(FASTEST, self.get("ACQ_PERIOD"))))

    def _frame(self, number: int, end: float) -> Frame:
        row, column, rows, columns = self._region
        color = RGB1 if self.state("COLOR_MODE") == RGB1 else MONO
        dtype = self.state("DATA_TYPE").lower()
        shape = (rows, columns) if color == MONO else (rows, columns, 3)
        pixels = draw(number, shape, dtype if dtype in TYPES else "uint8", (row, column))
        tags = {"ColorMode": Tag(COLORS[color], "i4")}
        return self.tagged(Frame(number, end, self._epoch + end, pixels, color, tags))

    def _end(self, state: int, message: str) -> None:
        self._acquiring = False
        self._run += 1
        self.set("ACQUIRE", 0)
        self.set("STATUS_MESSAGE", message)
        self.set("STATUS", state)
        self._rest()

    def _rest(self) -> None:
        """Clear the busy state, once the plugins have processed what they are waited for."""
        if not self._acquiring and not (self._queued and self.get("WAIT_FOR_PLUGINS")):
            self.set("ACQUIRE_BUSY", 0)

    # To the plugins, and how that fails

    def _pass_on(self, frame: Frame) -> None:
        """Pass a frame on to the plugins, unless a fault holds it back; frames never overtake each other."""
        if self._dropping or self._to_lose:
            self._to_lose = max(0, self._to_lose - 1)
            self._lost += 1
            return
        delay = self._delays.pop(0) if self._delays else LATE if self._late else 0.0
        now = self.world.clock.now()
        self._handed_on = max(self._handed_on, now + delay)
        if self._handed_on <= now:
            self.send(frame)
            return
        self._queue(1)
        self.world.schedule.at(self._handed_on, partial(self._catch_up, frame))

    def _catch_up(self, frame: Frame) -> None:
        self.send(frame)
        self._queue(-1)
        self._rest()

    def _queue(self, change: int) -> None:
        self._queued += change
        self.set("NUM_QUEUED_ARRAYS", self._queued)

    def lose(self, frames: int) -> None:
        """Lose the next frames on their way to the plugins."""
        self._to_lose += frames

    def delay(self, frames: int, seconds: float) -> None:
        """Delay the next frames on their way to the plugins, by simulated seconds."""
        self._delays += [seconds] * frames

    def counts(self) -> dict[str, int]:
        """Return how many triggers were missed and how many frames were lost."""
        return {"missed": self._missed, "lost": self._lost}

    def fault(self, kind: str, on: bool) -> None:
        """Start or end a fault: `stuck`, or every frame `dropped` or `late`.

        :raises ValueError: when it is another one.
        """
        match kind:
            case "stuck":
                self.world.schedule.soon(partial(self._stick, on))
            case "dropped":
                self._dropping = on
            case "late":
                self._late = on
            case _:
                raise ValueError(f"a camera has no fault {kind!r}; it can be stuck, and its frames dropped or late")

    def _stick(self, on: bool) -> None:
        self._stuck = on
        if not on:
            held, self._held = self._held, []
            for call in held:
                call()
