from ophyd_async.core import Device, DeviceVector, SignalR, StandardReadable
from ophyd_async.epics.core import epics_signal_r, epics_signal_rw


def temperature(prefix: str, fast: bool) -> SignalR[float]:
    if fast:
        return epics_signal_r(float, f"{prefix}T1")
    else:
        return epics_signal_r(float, f"{prefix}T2")


class Heater(StandardReadable):
    setpoint = epics_signal_rw(float, "POWER")

    def __init__(self, prefix: str, channels: list[str], fast: bool, name: str = "") -> None:
        for number in range(1, 4):
            setattr(self, f"t{number}", epics_signal_r(float, f"{prefix}T{number}"))
        for channel in channels:
            setattr(self, channel, epics_signal_rw(float, prefix + channel))
        self.power = epics_signal_rw(float, prefix + "POWER")
        limit = epics_signal_rw(float, prefix + "LIMIT")
        self.more = {"limit": epics_signal_rw(float, prefix + "LIMIT")}
        vector: DeviceVector[SignalR[float]] = DeviceVector()
        vector[1] = epics_signal_r(float, prefix + "T1")
        self.vector = vector
        some = []
        some.append(epics_signal_r(float, prefix + "T2"))
        self.listed = DeviceVector(dict(enumerate(some)))
        self.chosen = temperature(prefix, fast)
        super().__init__(name=name)
