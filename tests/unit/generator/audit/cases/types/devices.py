from typing import Annotated as A

import numpy as np
from ophyd_async.core import Array1D, SignalR, SignalRW, TriggerableCommand
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Mixed(EpicsDevice):
    temperature: A[SignalR[int], PvSuffix("TEMPERATURE")]
    counts: A[SignalR[float], PvSuffix("COUNTS")]
    whole: A[SignalR[int], PvSuffix("WHOLE")]
    label: A[SignalRW[str], PvSuffix("LABEL")]
    trace: A[SignalR[Array1D[np.float32]], PvSuffix("TRACE")]
    same_trace: A[SignalR[Array1D[np.float64]], PvSuffix("TRACE")]
    file_name: A[SignalRW[str], PvSuffix("FILE")]
    open: A[TriggerableCommand, PvSuffix("OPEN")]
    move: A[TriggerableCommand, PvSuffix("TEMPERATURE")]
    level: A[SignalRW[float], PvSuffix.rbv("LEVEL")]
    alarm: A[SignalR[str], PvSuffix("TEMPERATURE.EGU")]
    limit: A[SignalR[float], PvSuffix("TEMPERATURE.HIHH")]
