"""A busy record: a put of 1 is complete when the work is done and the record is 0 again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from beamwright_twin.areadetector.asyn_driver import Driver, Drivers
from beamwright_twin.records import epics_base
from beamwright_twin.records.python_record import FieldLocation, PythonRecord
from beamwright_twin.sim.world import World


class BusyRecord(PythonRecord):
    """A busy record: its driver does the work, or another record says when it is done.

    Hardware that the twin does not play does everything at once.
    """

    def __init__(
        self, drivers: Drivers, world: World, address: int, kind: str, places: Mapping[str, FieldLocation]
    ) -> None:
        super().__init__(address, kind, places)
        self.world = world
        self.drivers = drivers
        self.hardware = bool(self["DTYP"])

    def process(self) -> bool:
        """Begin to be busy, or be done."""
        if self["RVAL"] != self["VAL"]:
            self["RVAL"] = self["VAL"]
        busy = bool(self["VAL"])
        if busy:
            self.notify("VAL")
        found = self.drivers.find(self.name)
        if found is not None and not self.world.is_read_back(self.name):
            self.world.pending[self.name] += 1
            self.world.schedule.soon(partial(self._hand_over, *found, int(busy)))
        elif busy and self.hardware:
            self.world.schedule.soon(self.finish)
        return not busy

    def _hand_over(self, driver: Driver, parameter: str, value: int) -> None:
        self.world.pending[self.name] -= 1
        driver.accept(parameter, value)

    def finish(self) -> None:
        """Fall back to 0 and complete the put, from any thread."""
        with epics_base.locked(self.address):
            if self["VAL"]:
                self["VAL"] = 0
                self["RVAL"] = 0
                self.done()

    def states(self) -> tuple[str, ...]:
        """Return the two labels; trailing empty ones are not choices."""
        zero, one = self["ZNAM"], self["ONAM"]
        return (zero, one) if one else (zero,) if zero else ()
