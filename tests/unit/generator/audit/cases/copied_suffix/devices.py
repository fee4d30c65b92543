from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Slits(EpicsDevice):
    x_gap: A[SignalRW[float], PvSuffix("X:GAP")]
    x_centre: A[SignalRW[float], PvSuffix("X:CENTRE")]
    y_gap: A[SignalRW[float], PvSuffix("Y:GAP")]
    y_centre: A[SignalRW[float], PvSuffix("X:CENTRE")]
    top: A[SignalR[float], PvSuffix("TOP")]
    bottom: A[SignalR[float], PvSuffix("TOP")]
