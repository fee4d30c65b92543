"""The runtime that generated devices and beamlines stand on."""

from beamwright_runtime._area_detector import AreaDetector, InternalTriggerLogic
from beamwright_runtime._beamline import Beamline, ConnectionResult
from beamwright_runtime._class_plan import PvSuffixes
from beamwright_runtime._connection import TreeDevice, connect_together, connect_tree, disconnect
from beamwright_runtime._device_state import DeviceState, Stage
from beamwright_runtime._driver_enum import DriverEnum, DriverStates
from beamwright_runtime._errors import ConnectionFailedError, ConnectionProblem, Fault, Reason
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
    "PvSuffixes",
    "Reason",
    "RecordConnector",
    "RecordDevice",
    "RetryMode",
    "Stage",
    "TreeDevice",
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
