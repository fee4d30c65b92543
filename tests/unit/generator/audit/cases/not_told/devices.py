from ophyd_async.core import StandardReadable
from ophyd_async.epics.core import epics_signal_r, epics_signal_rw


class Table(StandardReadable):
    def __init__(self, prefix: str, axis: str, kinds: dict[str, type[float]], name: str = "") -> None:
        self.x = epics_signal_rw(float, prefix + "X")
        self.y = epics_signal_rw(float, prefix + "Y")
        self.chosen = epics_signal_rw(float, prefix + axis)
        self.typed = epics_signal_r(kinds["x"], prefix + "X")
        self.odd = epics_signal_r(float, prefix + "ODD")
        self.length = epics_signal_r(str, prefix + "TRACE")
        self.rounded = epics_signal_r(int, prefix + "ROUNDED")
        super().__init__(name=name)
