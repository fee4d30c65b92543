from typing import Annotated as A

from ophyd_async.core import OnOff, SignalRW, StrictEnum, SubsetEnum, SupersetEnum
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Source(SubsetEnum):
    SOFTWARE = "Software"
    LINE1 = "Line1"


class Mode(StrictEnum):
    INTERNAL = "Internal"
    EXTERNAL = "External"


class AnyMode(SupersetEnum):
    INTERNAL = "Internal"
    EXTERNAL = "External"
    BURST = "Burst"


class Webcam(EpicsDevice):
    trigger_mode: A[SignalRW[OnOff], PvSuffix.rbv("TriggerMode")]
    trigger_source: A[SignalRW[Source], PvSuffix.rbv("TriggerSource")]
    same_mode: A[SignalRW[Mode], PvSuffix.rbv("TriggerMode")]
    any_mode: A[SignalRW[AnyMode], PvSuffix.rbv("TriggerMode")]
    polarity: A[SignalRW[bool], PvSuffix("Polarity")]
