"""The runtime that generated devices and beamlines stand on; what a name needs is imported when it is first used.

ADR 0018 rules here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from beamwright_runtime import extras

if TYPE_CHECKING:
    from beamwright_runtime.beamline.factory import DeviceFactory, Policy, device_factory, get_device_factories
    from beamwright_runtime.beamline.manager import Beamline, ConnectionResult
    from beamwright_runtime.connection.device_state import DeviceState, Stage
    from beamwright_runtime.connection.liveness import (
        ConnectionEvent,
        connection_events,
        connection_problems,
        disconnected_signals,
        is_connected,
        on_connection_change,
    )
    from beamwright_runtime.connection.tree_device import TreeDevice, connect_together, connect_tree, disconnect
    from beamwright_runtime.devices.area_detector import AreaDetector
    from beamwright_runtime.devices.detector_trigger import InternalTriggerLogic, TriggerModeLogic
    from beamwright_runtime.devices.motor import Motor, MotorDirection, MotorMode, RetryMode
    from beamwright_runtime.devices.panda import Panda
    from beamwright_runtime.devices.record_device import RecordConnector, RecordDevice
    from beamwright_runtime.errors import (
        ConnectionFailedError,
        ConnectionProblem,
        Fault,
        PutFailedError,
        PutRefusedError,
        PutUnansweredError,
        ReadRefusedError,
        Reason,
    )
    from beamwright_runtime.signals.class_plan import PvSuffixes
    from beamwright_runtime.signals.driver_enum import DriverEnum, DriverStates

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
extras.require(__name__, "live")

_NAMES = {
    "devices.area_detector": ("AreaDetector",),
    "beamline.manager": ("Beamline", "ConnectionResult"),
    "signals.class_plan": ("PvSuffixes",),
    "connection.tree_device": ("TreeDevice", "connect_together", "connect_tree", "disconnect"),
    "connection.device_state": ("DeviceState", "Stage"),
    "signals.driver_enum": ("DriverEnum", "DriverStates"),
    "errors": (
        "ConnectionFailedError",
        "ConnectionProblem",
        "Fault",
        "PutFailedError",
        "PutRefusedError",
        "PutUnansweredError",
        "ReadRefusedError",
        "Reason",
    ),
    "beamline.factory": ("DeviceFactory", "Policy", "device_factory", "get_device_factories"),
    "connection.liveness": (
        "ConnectionEvent",
        "connection_events",
        "connection_problems",
        "disconnected_signals",
        "is_connected",
        "on_connection_change",
    ),
    "devices.motor": ("Motor", "MotorDirection", "MotorMode", "RetryMode"),
    "devices.panda": ("Panda",),
    "devices.record_device": ("RecordConnector", "RecordDevice"),
    "devices.detector_trigger": ("InternalTriggerLogic", "TriggerModeLogic"),
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
