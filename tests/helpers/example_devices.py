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


class NdArrayBase(RecordDevice, NDArrayBaseIO):
    """Records of NDArrayBase.template."""

    pool_used_mem: Annotated[SignalR[float], PvSuffix("PoolUsedMem")]


class AdBaseTriggerMode(DriverEnum):
    """States of TriggerMode."""

    INTERNAL = "Internal"
    EXTERNAL = "External"


class AdBase(NdArrayBase, ADBaseIO):
    """Records of ADBase.template, on top of NDArrayBase.template."""

    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    trigger_mode: Annotated[SignalRW[AdBaseTriggerMode], PvSuffix.rbv("TriggerMode")]


class SimDetectorSimMode(DriverEnum):
    """States of SimMode."""

    LINEAR_RAMP = "LinearRamp"
    PEAKS = "Peaks"
    SINE = "Sine"
    OFFSET_NOISE = "Offset&Noise"


class SimDetector(AdBase):
    """Records of simDetector.template, on top of ADBase.template."""

    sim_mode: Annotated[SignalRW[SimDetectorSimMode], PvSuffix.rbv("SimMode")]
    read_status: Annotated[TriggerableCommand, PvSuffix("ReadStatus")]


class NdPluginBase(NdArrayBase, NDPluginBaseIO):
    """Records of NDPluginBase.template, on top of NDArrayBase.template."""

    dropped_arrays: Annotated[SignalRW[int], PvSuffix.rbv("DroppedArrays")]


class NdStats(NdPluginBase, NDStatsIO):
    """Records of NDStats.template, on top of NDPluginBase.template."""

    centroid_x: Annotated[SignalR[float], PvSuffix("CentroidX_RBV")]
    histogram: Annotated[SignalR[Array1D[np.float64]], PvSuffix("Histogram_RBV")]


class NdRoi(NdPluginBase, NDROIIO):
    """Records of NDROI.template, on top of NDPluginBase.template."""

    min_x: Annotated[SignalRW[int], PvSuffix.rbv("MinX")]


class NdFile(NdArrayBase, NDFileIO):
    """Records of NDFile.template."""

    write_message: Annotated[SignalR[str], PvSuffix("WriteMessage")]


class NdFileHdf5(NdFile, NdPluginBase, NDFileHDF5IO):
    """Records of NDFileHDF5.template, on top of NDFile.template and NDPluginBase.template."""

    swmr_active: Annotated[SignalR[bool], PvSuffix("SWMRActive_RBV")]


class Camera(AreaDetector[SimDetector]):
    """Simulated camera; CAM -> HDF5, STAT, ROI."""

    def __init__(self, path_provider: PathProvider | None = None, name: str = "", protocol: str = "ca://") -> None:
        self.hdf5 = NdFileHdf5(protocol + "CAM-01:HDF5:")
        self.stat = NdStats(protocol + "CAM-01:STAT:")
        self.roi = NdRoi(protocol + "CAM-01:ROI:")
        super().__init__(
            SimDetector(protocol + "CAM-01:CAM:"), writer=self.hdf5, path_provider=path_provider, name=name
        )
