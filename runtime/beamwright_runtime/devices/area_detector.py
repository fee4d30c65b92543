"""Area detectors built from a driver, a file writer and plugins that are generated devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ophyd_async.core import DetectorAcquireLogic, DetectorTriggerLogic, PathProvider, SignalR
from ophyd_async.epics import adcore

from beamwright_runtime.connection.tree_device import TreeDevice

DriverT = TypeVar("DriverT", bound=adcore.ADBaseIO)


class AreaDetector(TreeDevice, adcore.AreaDetector[DriverT]):
    """A driver with its file writer and plugins.

    A subclass assigns its plugins and writer to attributes, then calls this. Frames are written when there are both
    a writer and a path provider; without them the detector exposes and its plugins can be read.

    :param driver: kept as `driver`.
    :param writer: an HDF5 writer; must be an attribute of the detector, or stand in `plugins`.
    :param path_provider: says where the writer puts its files.
    :param plugins: further plugins by the attribute they become.
    :param acquire_logic: how to start and stop; by default through the driver's `acquire`.
    :param trigger_logic: how to prepare exposures; by default timed by the driver, or started by edges where its
        trigger mode has the states `Internal` and `External`.
    :param config_signals: recorded with every run, besides the driver's exposure time and period.
    :param name: what the detector is called in documents.
    :raises ValueError: if there is a path provider but no writer, or the writer is no child of the detector.
    """

    def __init__(
        self,
        driver: DriverT,
        *,
        writer: adcore.NDFileHDF5IO | None = None,
        path_provider: PathProvider | None = None,
        plugins: Mapping[str, adcore.NDPluginBaseIO] | None = None,
        acquire_logic: DetectorAcquireLogic | None = None,
        trigger_logic: DetectorTriggerLogic | None = None,
        config_signals: Sequence[SignalR[Any]] = (),
        name: str = "",
    ) -> None:
        if trigger_logic is None:
            from beamwright_runtime.devices.detector_trigger import trigger_logic_of  # no import of a beamline needs it

            trigger_logic = trigger_logic_of(driver)
        super().__init__(
            driver,
            acquire_logic=acquire_logic or adcore.ADAcquireLogic(driver),
            trigger_logic=trigger_logic,
            plugins=plugins,
            config_sigs=config_signals,
        )
        if writer is not None and writer.parent is not self:
            raise ValueError("the writer is not an attribute of the detector: set it before super().__init__()")
        if path_provider is not None:
            if writer is None:
                raise ValueError("there is a path provider, but no writer to use it")
            self.add_detector_logics(_hdf_logic(driver, writer, self._plugins_besides(writer), path_provider))
        self.set_name(name)

    def _plugins_besides(self, writer: adcore.NDFileHDF5IO) -> list[adcore.NDPluginBaseIO]:
        children = (child for _, child in self.children())
        return [child for child in children if isinstance(child, adcore.NDPluginBaseIO) and child is not writer]


def _hdf_logic(
    driver: adcore.ADBaseIO,
    writer: adcore.NDFileHDF5IO,
    plugins: Sequence[adcore.NDPluginBaseIO],
    path_provider: PathProvider,
) -> adcore.ADHDFDataLogic:
    frame = adcore.NDArrayDescription(
        shape_signals=[driver.array_size_z, driver.array_size_y, driver.array_size_x],
        data_type_signal=driver.data_type,
        color_mode_signal=driver.color_mode,
    )
    return adcore.ADHDFDataLogic(frame, path_provider, writer, driver, plugins)
