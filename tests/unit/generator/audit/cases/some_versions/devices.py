from typing import Annotated as A

from ophyd_async.core import SignalRW
from ophyd_async.epics.core import EpicsDevice, PvSuffix


class Eiger(EpicsDevice):
    photon_energy: A[SignalRW[float], PvSuffix.rbv("PhotonEnergy")]
    threshold: A[SignalRW[float], PvSuffix.rbv("Threshold")]
    num_exposures: A[SignalRW[int], PvSuffix.rbv("NExpI")]
