from typing import Annotated as A

from ophyd_async.core import SignalRW, StrictEnum
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Mode(StrictEnum):
    FAST = "Fast"
    SLOW = "Slow"


class Described(StrictEnum):
    NOT_AVAILABLE = "N.A."


class Camera(EpicsDevice):
    mode: A[SignalRW[Mode], PvSuffix("Mode")]
    described: A[SignalRW[Described], PvSuffix("Mode")]
    source: A[SignalRW[Mode], PvSuffix("Source")]
    text: A[SignalRW[str], PvSuffix("Mode")]
    number: A[SignalRW[float], PvSuffix("Mode")]
