"""A busy record: a put of 1 is complete when the work is done and the record is 0 again."""

from __future__ import annotations

from collections.abc import Mapping

from beamwright_generator.twin import epics
from beamwright_generator.twin.record import Place, Record
from beamwright_generator.twin.world import World


class Busy(Record):
    """A busy record; where no behaviour does the work, it is done at once."""

    def __init__(self, world: World, address: int, kind: str, places: Mapping[str, Place]) -> None:
        super().__init__(address, kind, places)
        self.world = world

    def process(self) -> bool:
        """Begin to be busy, or be done."""
        if self["RVAL"] != self["VAL"]:
            self["RVAL"] = self["VAL"]
        if not self["VAL"]:
            return True
        self.notify("VAL")
        self.world.schedule.soon(self.work)
        return False

    def work(self) -> None:
        """Do the work, and say that it is done."""
        self.finish()

    def finish(self) -> None:
        """Fall back to 0 and complete the put, from any thread."""
        with epics.locked(self.address):
            if self["VAL"]:
                self["VAL"] = 0
                self["RVAL"] = 0
                self.done()

    def states(self) -> tuple[str, ...]:
        """Give the two labels; one that is empty, and has none after it, is no choice."""
        zero, one = self["ZNAM"], self["ONAM"]
        return (zero, one) if one else (zero,) if zero else ()
