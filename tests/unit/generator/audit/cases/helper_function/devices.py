from ophyd_async.core import SignalR, StandardReadable
from ophyd_async.epics.core import epics_signal_r, epics_signal_rw_rbv

GAIN = "Gain"


def temperature(prefix: str, number: int) -> SignalR[float]:
    return epics_signal_r(float, f"{prefix}Temp{number}")


class Amp(StandardReadable):
    def __init__(self, prefix: str, name: str = "") -> None:
        with self.add_children_as_readables():
            self.factor = epics_signal_rw_rbv(float, f"{prefix}{GAIN}")
            self.one = temperature(prefix, 1)
        self.gain = epics_signal_rw_rbv(float, prefix + "Gain.VAL")
        self.level = epics_signal_rw_rbv(float, prefix + "Level.VAL")
        super().__init__(name=name)
