from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Shutter(EpicsDevice):
    temperature: A[SignalRW[float], PvSuffix("TEMPERATURE")]
    position: A[SignalRW[float], PvSuffix("POSITION")]
    width: A[SignalR[float], PvSuffix.rbv("WIDTH")]
    scan_time: A[SignalRW[float], PvSuffix("POSITION_RBV")]
    kind: A[SignalRW[str], PvSuffix("POSITION.RTYP")]
