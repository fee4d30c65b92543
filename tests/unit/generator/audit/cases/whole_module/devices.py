from typing import Annotated as A

from ophyd_async.core import SignalR, SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Gauge(EpicsDevice):
    pressure: A[SignalR[float], PvSuffix("PRESSURE")]
    status: A[SignalR[str], PvSuffix("STATUS")]
    cathode: A[SignalRW[bool], PvSuffix.rbv("CATHODE")]


class PlusGauge(Gauge):
    degas: A[SignalRW[bool], PvSuffix("DEGAS")]


class Valve(EpicsDevice):
    control: A[SignalRW[str], PvSuffix("CONTROL")]
    status: A[SignalR[str], PvSuffix("STATUS")]
    interlock: A[SignalR[int], PvSuffix("INTERLOCK")]
