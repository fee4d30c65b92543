"""Devices as they are generated from the example's camera templates, in short."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from ophyd_async.core import Array1D, PathProvider, SignalR, SignalRW, TriggerableCommand
from ophyd_async.epics.adcore import (
    NDROIIO,
    ADBaseIO,
    NDArrayBaseIO,
    NDFileHDF5IO,
    NDFileIO,
    NDPluginBaseIO,
    NDStatsIO,
)
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import AreaDetector, DriverEnum, RecordDevice


class NDArrayBase(RecordDevice, NDArrayBaseIO):
    """Records of NDArrayBase.template."""

    pool_used_mem: Annotated[SignalR[float], PvSuffix("PoolUsedMem")]


class ADBaseTriggerMode(DriverEnum):
    """States of TriggerMode."""

    INTERNAL = "Internal"
    EXTERNAL = "External"


class ADBase(NDArrayBase, ADBaseIO):
    """Records of ADBase.template, on top of NDArrayBase.template."""

    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    trigger_mode: Annotated[SignalRW[ADBaseTriggerMode], PvSuffix.rbv("TriggerMode")]


class SimDetectorSimMode(DriverEnum):
    """States of SimMode."""

    LINEAR_RAMP = "LinearRamp"
    PEAKS = "Peaks"
    SINE = "Sine"
    OFFSET_NOISE = "Offset&Noise"


class SimDetector(ADBase):
    """Records of simDetector.template, on top of ADBase.template."""

    sim_mode: Annotated[SignalRW[SimDetectorSimMode], PvSuffix.rbv("SimMode")]
    read_status: Annotated[TriggerableCommand, PvSuffix("ReadStatus")]


class NDPluginBase(NDArrayBase, NDPluginBaseIO):
    """Records of NDPluginBase.template, on top of NDArrayBase.template."""

    dropped_arrays: Annotated[SignalRW[int], PvSuffix.rbv("DroppedArrays")]


class NDStats(NDPluginBase, NDStatsIO):
    """Records of NDStats.template, on top of NDPluginBase.template."""

    centroid_x: Annotated[SignalR[float], PvSuffix("CentroidX_RBV")]
    histogram: Annotated[SignalR[Array1D[np.float64]], PvSuffix("Histogram_RBV")]


class NDROI(NDPluginBase, NDROIIO):
    """Records of NDROI.template, on top of NDPluginBase.template."""

    min_x: Annotated[SignalRW[int], PvSuffix.rbv("MinX")]


class NDFile(NDArrayBase, NDFileIO):
    """Records of NDFile.template."""

    write_message: Annotated[SignalR[str], PvSuffix("WriteMessage")]


class NDFileHDF5(NDFile, NDPluginBase, NDFileHDF5IO):
    """Records of NDFileHDF5.template, on top of NDFile.template and NDPluginBase.template."""

    swmr_active: Annotated[SignalR[bool], PvSuffix("SWMRActive_RBV")]


class Camera(AreaDetector[SimDetector]):
    """Simulated camera; CAM -> HDF5, STAT, ROI."""

    def __init__(self, path_provider: PathProvider | None = None, name: str = "", protocol: str = "ca://") -> None:
        self.hdf5 = NDFileHDF5(protocol + "CAM-01:HDF5:")
        self.stat = NDStats(protocol + "CAM-01:STAT:")
        self.roi = NDROI(protocol + "CAM-01:ROI:")
        super().__init__(
            SimDetector(protocol + "CAM-01:CAM:"), writer=self.hdf5, path_provider=path_provider, name=name
        )
