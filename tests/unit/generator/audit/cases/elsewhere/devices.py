from typing import Annotated as A

from ophyd_async.core import SignalR
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Gauge(EpicsDevice):
    pressure: A[SignalR[float], PvSuffix("PRESSURE")]
    status: A[SignalR[str], PvSuffix("STATUS")]
