from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Amplifier(EpicsDevice):
    current: A[SignalR[float], PvSuffix("CURRENT")]
    range = A[SignalRW[int], PvSuffix.rbv("RANGE")]
    averaging = SignalRW[int]
    zero: A[SignalRW[float], PvSuffix("ZERO")]
    offset: A[SignalRW[float], "OFFSET"]
