from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Stats(EpicsDevice):
    profile_size_x: A[SignalRW[int], PvSuffix.rbv("ProfileSizeX")]
    profile_size_y: A[SignalR[int], PvSuffix("ProfileSizeY_RBV")]
    cursor_x: A[SignalRW[int], PvSuffix.rbv("CursorX")]
    hist_size: A[SignalR[int], PvSuffix("HistSize_RBV")]
