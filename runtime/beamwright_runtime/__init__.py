"""The runtime that generated devices and beamlines stand on; what a name needs is imported when it is first used.

ADR 0018 rules here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beamwright_runtime import extras
from beamwright_runtime.lazy_names import lazy_names

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
    "beamwright_runtime.devices.area_detector": ("AreaDetector",),
    "beamwright_runtime.beamline.manager": ("Beamline", "ConnectionResult"),
    "beamwright_runtime.signals.class_plan": ("PvSuffixes",),
    "beamwright_runtime.connection.tree_device": ("TreeDevice", "connect_together", "connect_tree", "disconnect"),
    "beamwright_runtime.connection.device_state": ("DeviceState", "Stage"),
    "beamwright_runtime.signals.driver_enum": ("DriverEnum", "DriverStates"),
    "beamwright_runtime.errors": (
        "ConnectionFailedError",
        "ConnectionProblem",
        "Fault",
        "PutFailedError",
        "PutRefusedError",
        "PutUnansweredError",
        "ReadRefusedError",
        "Reason",
    ),
    "beamwright_runtime.beamline.factory": ("DeviceFactory", "Policy", "device_factory", "get_device_factories"),
    "beamwright_runtime.connection.liveness": (
        "ConnectionEvent",
        "connection_events",
        "connection_problems",
        "disconnected_signals",
        "is_connected",
        "on_connection_change",
    ),
    "beamwright_runtime.devices.motor": ("Motor", "MotorDirection", "MotorMode", "RetryMode"),
    "beamwright_runtime.devices.panda": ("Panda",),
    "beamwright_runtime.devices.record_device": ("RecordConnector", "RecordDevice"),
    "beamwright_runtime.devices.detector_trigger": ("InternalTriggerLogic", "TriggerModeLogic"),
}
"""The names by module, the same as the imports for type checkers above."""

# Most beamlines need few of them, and a PandA alone takes half a second.
__getattr__, __dir__ = lazy_names(__name__, _NAMES)
