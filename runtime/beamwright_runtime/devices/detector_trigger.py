"""How the exposures of area detectors start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ophyd_async.core import DetectorTriggerLogic, SignalRW, TriggerInfo
from ophyd_async.epics import adcore


@dataclass
class InternalTriggerLogic(DetectorTriggerLogic):
    """Exposures that the driver times by itself, as any areaDetector driver can."""

    driver: adcore.ADBaseIO

    async def prepare_internal(self, num: int, livetime: float, deadtime: float) -> None:
        """Set up a number of exposures, 0 for endless; times in seconds, 0 for what is set now.

        :param num: exposures, 0 for endless.
        :param livetime: of an exposure, in seconds; 0 for as set now.
        :param deadtime: between exposures, in seconds.
        """
        await adcore.prepare_exposures(self.driver, num, livetime, deadtime)

    async def default_trigger_info(self) -> TriggerInfo:
        """Return the trigger info for as many exposures per event as the driver is set to."""
        return await adcore.trigger_info_from_num_images(self.driver)


INTERNAL, EXTERNAL = "Internal", "External"
"""The trigger modes that ADBase.template has."""


@dataclass
class TriggerModeLogic(InternalTriggerLogic):
    """Exposures that the driver times by itself, or that edges of a trigger input start, as its trigger mode says.

    How long a camera reads out is known to no areaDetector driver: say it where the camera is triggered.

    :param trigger_mode: the driver's trigger mode.
    :param internal: the state in which the driver times exposures.
    :param external: the state in which an edge starts an exposure of the driver's exposure time.
    """

    trigger_mode: SignalRW[Any]
    internal: str = INTERNAL
    external: str = EXTERNAL

    async def prepare_internal(self, num: int, livetime: float, deadtime: float) -> None:
        """Set the driver to time its own exposures: how many (0 for endless), and times in seconds (0: as set now).

        :param num: exposures, 0 for endless.
        :param livetime: of an exposure, in seconds; 0 for as set now.
        :param deadtime: between exposures, in seconds.
        """
        await self.trigger_mode.set(self.internal)
        await super().prepare_internal(num, livetime, deadtime)

    async def prepare_edge(self, num: int, livetime: float) -> None:
        """Set the driver to expose for `livetime` seconds at each edge, for a number of edges (0 for endless).

        :param num: edges, 0 for endless.
        :param livetime: of an exposure, in seconds.
        """
        await self.trigger_mode.set(self.external)
        await adcore.prepare_exposures(self.driver, num, livetime)


def trigger_logic_of(driver: adcore.ADBaseIO) -> DetectorTriggerLogic:
    """Choose how a driver's exposures start: by edges too where it has the trigger modes of ADBase.template."""
    mode = getattr(driver, "trigger_mode", None)
    states = getattr(mode.datatype, "__members__", {}).values() if isinstance(mode, SignalRW) else ()
    if isinstance(mode, SignalRW) and {INTERNAL, EXTERNAL} <= {str(state.value) for state in states}:
        return TriggerModeLogic(driver, mode)
    return InternalTriggerLogic(driver)
