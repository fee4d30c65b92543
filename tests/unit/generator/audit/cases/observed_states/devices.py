from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW, StrictEnum
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Mode(StrictEnum):
    FAST = "Fast"
    SLOW = "Slow"


class Camera(EpicsDevice):
    mode: A[SignalRW[Mode], PvSuffix("Mode")]
    temperature: A[SignalR[float], PvSuffix("Temperature")]
    exposure: A[SignalRW[float], PvSuffix("Exposure")]
