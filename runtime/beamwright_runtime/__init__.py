"""The runtime that generated devices and beamlines stand on."""

from beamwright_runtime._area_detector import AreaDetector, InternalTriggerLogic
from beamwright_runtime._driver_enum import DriverEnum
from beamwright_runtime._factory import Beamline, DeviceFactory, Policy, device_factory
from beamwright_runtime._motor import Motor, MotorDirection, MotorMode, RetryMode
from beamwright_runtime._record_device import RecordConnector, RecordDevice

__all__ = [
    "AreaDetector",
    "Beamline",
    "DeviceFactory",
    "DriverEnum",
    "InternalTriggerLogic",
    "Motor",
    "MotorDirection",
    "MotorMode",
    "Policy",
    "RecordConnector",
    "RecordDevice",
    "RetryMode",
    "device_factory",
]
