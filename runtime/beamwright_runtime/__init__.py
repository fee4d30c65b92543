"""The runtime that generated devices and beamlines stand on; what a name needs is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from beamwright_runtime import _extras

if TYPE_CHECKING:
    from beamwright_runtime._area_detector import AreaDetector
    from beamwright_runtime._beamline import Beamline, ConnectionResult
    from beamwright_runtime._class_plan import PvSuffixes
    from beamwright_runtime._connection import TreeDevice, connect_together, connect_tree, disconnect
    from beamwright_runtime._device_state import DeviceState, Stage
    from beamwright_runtime._driver_enum import DriverEnum, DriverStates
    from beamwright_runtime._errors import (
        ConnectionFailedError,
        ConnectionProblem,
        Fault,
        PutFailedError,
        PutRefusedError,
        PutUnansweredError,
        ReadRefusedError,
        Reason,
    )
    from beamwright_runtime._factory import DeviceFactory, Policy, device_factory, get_device_factories
    from beamwright_runtime._liveness import (
        ConnectionEvent,
        connection_events,
        connection_problems,
        disconnected_signals,
        is_connected,
        on_connection_change,
    )
    from beamwright_runtime._motor import Motor, MotorDirection, MotorMode, RetryMode
    from beamwright_runtime._panda import Panda
    from beamwright_runtime._record_device import RecordConnector, RecordDevice
    from beamwright_runtime._trigger_logic import InternalTriggerLogic, TriggerModeLogic

__all__ = [
    "AreaDetector",
    "Beamline",
    "ConnectionEvent",
    "ConnectionFailedError",
    "ConnectionProblem",
    "ConnectionResult",
    "DeviceFactory",
    "DeviceState",
    "DriverEnum",
    "DriverStates",
    "Fault",
    "InternalTriggerLogic",
    "Motor",
    "MotorDirection",
    "MotorMode",
    "Panda",
    "Policy",
    "PutFailedError",
    "PutRefusedError",
    "PutUnansweredError",
    "PvSuffixes",
    "ReadRefusedError",
    "Reason",
    "RecordConnector",
    "RecordDevice",
    "RetryMode",
    "Stage",
    "TreeDevice",
    "TriggerModeLogic",
    "connect_together",
    "connect_tree",
    "connection_events",
    "connection_problems",
    "device_factory",
    "disconnect",
    "disconnected_signals",
    "get_device_factories",
    "is_connected",
    "on_connection_change",
]

# Here for all modules of the package: with `pip install beamwright` alone, an import ends in this sentence.
_extras.require(__name__, "live")

_NAMES = {
    "_area_detector": ("AreaDetector",),
    "_beamline": ("Beamline", "ConnectionResult"),
    "_class_plan": ("PvSuffixes",),
    "_connection": ("TreeDevice", "connect_together", "connect_tree", "disconnect"),
    "_device_state": ("DeviceState", "Stage"),
    "_driver_enum": ("DriverEnum", "DriverStates"),
    "_errors": (
        "ConnectionFailedError",
        "ConnectionProblem",
        "Fault",
        "PutFailedError",
        "PutRefusedError",
        "PutUnansweredError",
        "ReadRefusedError",
        "Reason",
    ),
    "_factory": ("DeviceFactory", "Policy", "device_factory", "get_device_factories"),
    "_liveness": (
        "ConnectionEvent",
        "connection_events",
        "connection_problems",
        "disconnected_signals",
        "is_connected",
        "on_connection_change",
    ),
    "_motor": ("Motor", "MotorDirection", "MotorMode", "RetryMode"),
    "_panda": ("Panda",),
    "_record_device": ("RecordConnector", "RecordDevice"),
    "_trigger_logic": ("InternalTriggerLogic", "TriggerModeLogic"),
}
"""The modules that names are imported from: what type checkers are told above."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import what a name stands for. A PandA alone takes half a second, which most beamlines do not need."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, also those that nobody has used yet."""
    return [*globals(), *(name for name in __all__ if name not in globals())]
