from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Camera(EpicsDevice):
    acquire_time: A[SignalRW[float], PvSuffix.rbv("AcquireTime")]
    array_size_x: A[SignalR[int], PvSuffix("ArraySizeX_RBV")]
    array_size_y: A[SignalR[int], PvSuffix("ArraySizey_RBV")]
    gain: A[SignalRW[float], PvSuffix.rbv("Gian")]
    exposures: A[SignalRW[int], PvSuffix.rbv("Exposures")]
