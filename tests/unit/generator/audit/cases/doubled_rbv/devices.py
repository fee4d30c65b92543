from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Stats(EpicsDevice):
    total: A[SignalR[float], PvSuffix("Total_RBV")]
    sigma: A[SignalRW[float], PvSuffix.rbv("CentroidThreshold_RBV")]
    mean: A[SignalR[float], PvSuffix("MeanValue_RBV_RBV")]
