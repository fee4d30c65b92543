"""Devices as somebody wrote them."""

from typing import Annotated as A

from ophyd_async.core import DeviceVector, SignalR, SignalRW, StandardReadable, StrictEnum
from ophyd_async.epics.core import EpicsDevice, PvSuffix, epics_signal_r, epics_signal_rw, epics_signal_rw_rbv

from bl01x.states import RunState


class Named(EpicsDevice):
    velocity: A[SignalRW[float], PvSuffix("SPEED")]


class VacuumPump(Named):
    status: A[SignalR[RunState], PvSuffix("STATE")]
    inlet: A[SignalR[int], PvSuffix("PRESSURE")]
    oil: A[SignalR[float], PvSuffix("OIL")]

    async def spin_up(self) -> None:
        await self.velocity.set(10.0)


class MyPlate(StandardReadable):
    def __init__(self, prefix: str, name: str = "") -> None:
        with self.add_children_as_readables():
            self.amps = epics_signal_r(float, f"{prefix}Current")
        self.zero = epics_signal_rw(float, prefix + "Offset")
        super().__init__(name)


class Amplifier(StandardReadable):
    def __init__(self, prefix: str, name: str = "") -> None:
        self.factor = epics_signal_rw_rbv(float, prefix + "DET:Gain")
        self.plates = DeviceVector({1: MyPlate(f"{prefix}DET:Plate1:"), 2: MyPlate(f"{prefix}DET:Plate2:")})
        super().__init__(name)


class Lamp(EpicsDevice):
    power: A[SignalRW[float], PvSuffix("POWER")]
    colour: A[SignalRW[str], PvSuffix("COLOUR")]
