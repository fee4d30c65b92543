from ophyd_async.core import DeviceVector, SignalR, StandardReadable, StrictEnum
from ophyd_async.epics.core import epics_signal_r, epics_signal_rw, epics_signal_rw_rbv, epics_triggerable_command


class State(StrictEnum):
    OPEN = "Open"
    CLOSED = "Closed"


def gap(prefix: str, axis: str) -> SignalR[float]:
    return epics_signal_r(float, f"{prefix}{axis}:GAP")


class Blade(StandardReadable):
    def __init__(self, prefix: str, name: str = "") -> None:
        with self.add_children_as_readables():
            self.position = epics_signal_rw_rbv(float, prefix + "POS")
            self.limit = epics_signal_r(float, f"{prefix}LIMT")
        super().__init__(name=name)


class Slits(StandardReadable):
    def __init__(self, prefix: str, infix: str = "S1:", blades: int = 2, name: str = "") -> None:
        start = prefix + infix
        self.x_gap = gap(start, axis="X")
        self.y_gap = gap(start, "Y")
        self.blades = DeviceVector({number: Blade(f"{start}B{number}:") for number in range(1, blades + 1)})
        self.state = epics_signal_rw(State, start + "STATE")
        self.home = epics_triggerable_command(start + "HOME.PROC")
        if infix == "S2:":
            self.second = epics_signal_r(float, start + "SECOND")
        super().__init__(name=name)
