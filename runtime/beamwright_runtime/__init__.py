"""The runtime that generated devices and beamlines stand on."""

from beamwright_runtime._area_detector import AreaDetector, InternalTriggerLogic
from beamwright_runtime._beamline import Beamline, ConnectionResult
from beamwright_runtime._device_state import DeviceState, Stage
from beamwright_runtime._driver_enum import DriverEnum
from beamwright_runtime._factory import DeviceFactory, Policy, device_factory, get_device_factories
from beamwright_runtime._motor import Motor, MotorDirection, MotorMode, RetryMode
from beamwright_runtime._record_device import RecordConnector, RecordDevice

__all__ = [
    "AreaDetector",
    "Beamline",
    "ConnectionResult",
    "DeviceFactory",
    "DeviceState",
    "DriverEnum",
    "InternalTriggerLogic",
    "Motor",
    "MotorDirection",
    "MotorMode",
    "Policy",
    "RecordConnector",
    "RecordDevice",
    "RetryMode",
    "Stage",
    "device_factory",
    "get_device_factories",
]
