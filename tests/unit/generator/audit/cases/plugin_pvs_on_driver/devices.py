from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Driver(EpicsDevice):
    acquire_time: A[SignalRW[float], PvSuffix.rbv("AcquireTime")]
    acquire_period: A[SignalRW[float], PvSuffix.rbv("AcquirePeriod")]
    nd_array_port: A[SignalRW[str], PvSuffix.rbv("NDArrayPort")]
    unique_id: A[SignalR[int], PvSuffix("UniqueId_RBV")]
