"""What is needed of ophyd-async and bluesky that they do not export: the only module that says private names of theirs.

Nothing of them is patched. ADR 0011 says why these names are used; ADR 0017, 0021 and 0023 those of PandAs, detectors
and PMACs. A test lists the names, and looks for each in the installed version. What takes long to import is imported
where it is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bluesky.utils import Plan
from ophyd_async.core import (
    DEFAULT_TIMEOUT,
    CommandBackend,
    CommandConnector,
    DetectorAcquireLogic,
    DetectorDataLogic,
    DetectorTrigger,
    DetectorTriggerLogic,
    Device,
    DeviceConnector,
    DeviceFiller,
    PathProvider,
    Signal,
    SignalBackend,
    SignalConnector,
    SignalR,
    SignalRW,
    SignalW,
    SoftSignalBackend,
    StandardDetector,
    StreamableDataProvider,
    TriggerableCommand,
)

if TYPE_CHECKING:
    from ophyd_async.epics.motor import Motor
    from ophyd_async.epics.pmac import PmacIO
    from ophyd_async.epics.pmac._pmac_trajectory import PmacFlyCtx as PmacFlyCtx
    from ophyd_async.epics.pmac._pmac_trajectory_generation import Trajectory
    from ophyd_async.epics.pmac._utils import _PmacMotorInfo
    from ophyd_async.fastcs.panda import DataBlock, PcapBlock
    from scanspec.core import Path

    PmacMotorInfo = _PmacMotorInfo

# -- devices


def connector_of(device: Device) -> DeviceConnector:
    """Return what connects a device."""
    return device._connector


def first_backend_of(device: Device) -> object:
    """Return the backend that a signal or command was made with, which mock mode replaces; None for other devices."""
    return getattr(device._connector, "_init_backend", None)


def is_mocked(device: Device) -> bool:
    """Whether a device is in mock mode."""
    return device._mock is not None


def end_mock(device: Device) -> None:
    """End the mock mode of a device, without those below it; a signal or command gets its own backend back."""
    device._mock = None
    backend = first_backend_of(device)
    if backend is not None:
        vars(device._connector)["backend"] = backend


def forget_connect(device: Device) -> None:
    """Make `Device.connect` look again: it keeps the success of the first connection for ever."""
    device.__dict__.pop("_connect_task", None)


def rename(device: Device, name: str, separator: str | None) -> str:
    """Name a device and none of its children.

    :param separator: stands before the names of children from now on, if it is given.
    :returns: the separator in force.
    """
    device._name = name
    if separator:
        device._child_name_separator = separator
    vars(device).pop("log", None)  # it shows the name
    return device._child_name_separator


# -- children, made by the ten thousand

PLAIN = (SignalR, SignalW, SignalRW, TriggerableCommand)
"""Signals and commands whose constructor is known to do no more than keep their backend."""

_put = object.__setattr__
_shared_methods = dict(vars(Signal(SoftSignalBackend(float)))["_setattr_methods"])
"""How attributes of a signal are set; ophyd-async keeps it for each, but signals have no children to tell apart."""


def make_plain_signal(make: Any, backend: SignalBackend[Any]) -> Any:
    """Make a signal of a class in `PLAIN`: what its constructor leaves behind, without the way there."""
    signal = object.__new__(make)
    _put(signal, "_setattr_methods", _shared_methods)
    _put(signal, "_connector", SignalConnector(backend))
    _put(signal, "_timeout", DEFAULT_TIMEOUT)
    _put(signal, "_attempts", 1)
    return signal


def make_plain_command(make: Any, backend: CommandBackend[Any, Any]) -> Any:
    """Make a command of a class in `PLAIN`: what its constructor leaves behind, without the way there."""
    command = object.__new__(make)
    _put(command, "_setattr_methods", _shared_methods)
    _put(command, "_connector", CommandConnector(backend))
    _put(command, "_timeout", DEFAULT_TIMEOUT)
    return command


def add_child(device: Device, attribute: str, child: Device) -> None:
    """Make a signal or command, which nobody else has, a child of a device."""
    _put(child, "parent", device)
    _put(device, attribute, child)
    device._child_devices[attribute] = child


def rename_plain(child: Device, name: str) -> None:
    """Name a signal or command of a class in `PLAIN`."""
    _put(child, "_name", name)
    vars(child).pop("log", None)


class Annotations(DeviceFiller[Any, DeviceConnector, Any]):
    """The annotations of a device's class, as ophyd-async reads them, which refuses what it cannot make.

    ophyd-async keeps types by the name that a PVI tree has for a child, where `in_` is `in`. Here suffixes name the
    records, and a template may well have `direction_` beside `direction`: types are kept by attribute.

    :ivar datatypes: of signals, by attribute.
    :ivar signatures: of commands, in their order.
    """

    def __init__(self, device: Device) -> None:
        self.datatypes: dict[str, Any] = {}
        self.signatures: list[inspect.Signature | None] = []
        super().__init__(device, lambda _: None, DeviceConnector, lambda _: None)

    def _store_signal_datatype(self, name: Any, annotation: Any) -> None:
        self.datatypes[name] = self._validate_signal_datatype(name, annotation)

    def _store_command_datatype(self, name: Any, annotation: Any) -> None:
        self._command_signature.clear()
        super()._store_command_datatype(name, annotation)
        self.signatures += self._command_signature.values()

    @property
    def signals(self) -> Mapping[str, Any]:
        """The classes of signals by attribute."""
        return {str(name): make for name, make in self._uncreated_signals.items()}

    @property
    def commands(self) -> Mapping[str, Any]:
        """The classes of commands by attribute."""
        return {str(name): make for name, make in self._uncreated_commands.items()}

    @property
    def devices(self) -> Mapping[str, Any]:
        """What makes other devices and vectors, by attribute."""
        return {str(name): make for name, make in self._uncreated_devices.items()}

    def extras(self, attribute: Any) -> Sequence[Any]:
        """Return what stands beside the class in an `Annotated`."""
        return self._extras[attribute]


# -- detectors


class DetectorLogics(NamedTuple):
    """The logics that a detector is made of."""

    trigger: DetectorTriggerLogic | None
    acquire: DetectorAcquireLogic | None
    data: Sequence[DetectorDataLogic]


def logics_of(detector: StandardDetector) -> DetectorLogics:
    """Return the logics of a detector."""
    return DetectorLogics(detector._trigger_logic, detector._acquire_logic, detector._data_logics)


def triggers_of(detector: StandardDetector) -> set[DetectorTrigger]:
    """Return which triggers start the exposures of a detector."""
    return detector._supported_triggers


def open_streams(detector: StandardDetector) -> Sequence[StreamableDataProvider]:
    """Return what tells how much is in the files that a detector has open."""
    context = detector._prepare_ctx
    return context.streamable_data_providers if context is not None else ()


def count_from_zero(detector: StandardDetector) -> None:
    """Let a detector whose file is new count from zero: it may have read the count of its last file."""
    if detector._prepare_ctx is not None:
        detector._prepare_ctx.collections_written = 0


def forget_files(detector: StandardDetector) -> None:
    """Let a detector open files when it is prepared next, which it does where it has no context."""
    detector._prepare_ctx = None


# -- PandAs, of which only the whole detector is exported, which walks PVI


def panda_logics(
    pcap: PcapBlock, data: DataBlock, path_provider: PathProvider | None
) -> Sequence[DetectorTriggerLogic | DetectorAcquireLogic | DetectorDataLogic]:
    """Return the logics of a PandA as a detector.

    :param path_provider: says where its data block writes; without it nothing is written.
    """
    from ophyd_async.fastcs.panda._acquire_logic import PandaAcquireLogic
    from ophyd_async.fastcs.panda._data_logic import PandaHDFDataLogic
    from ophyd_async.fastcs.panda._trigger_logic import PandaTriggerLogic

    capture = PandaTriggerLogic(pcap), PandaAcquireLogic(pcap)
    return capture if path_provider is None else (*capture, PandaHDFDataLogic(path_provider, data))


# -- trajectories of a PMAC


async def pmac_motor_info(pmac: PmacIO, motors: Sequence[Motor]) -> PmacMotorInfo:
    """Ask which coordinate system motors are in, and for their limits and accelerations.

    :raises ValueError: if they cannot be moved together; so do RuntimeError and KeyError.
    """
    from ophyd_async.epics.pmac._utils import _PmacMotorInfo

    return await _PmacMotorInfo.from_motors(pmac, motors)


class TrajectoryPlanner:
    """Plans a trajectory as ophyd-async's logic does, piece by piece and without the controller.

    :param info: about the motors.
    :param ramp_time: seconds of the run-up, if more than the accelerations need.
    :param turnaround_time: seconds that a turnaround takes at least.
    :ivar starts: where each motor starts from rest, once the first piece is planned.
    """

    def __init__(
        self, pmac: PmacIO, info: PmacMotorInfo, ramp_time: float | None, turnaround_time: float | None
    ) -> None:
        from ophyd_async.epics.pmac import PmacTrajectoryFlyableLogic

        self._logic = PmacTrajectoryFlyableLogic(pmac)
        self._logic._turnaround_time = turnaround_time
        self._info = info
        self._ramp_time = ramp_time
        self.starts: Mapping[Motor, float] = {}

    async def plan(self, path: Path[Motor]) -> Trajectory:
        """Plan the next piece of a path, which is consumed.

        :raises ValueError: if the controller could not fly it; so does RuntimeError.
        """
        from ophyd_async.epics.pmac._pmac_trajectory import SLICE_SIZE
        from ophyd_async.epics.pmac._utils import calculate_ramp_position_and_duration

        piece = path.consume(SLICE_SIZE)
        ramp = None
        if not self.starts:
            starts, ramp = calculate_ramp_position_and_duration(piece, self._info, True, self._ramp_time)
            self.starts = {motor: float(start) for motor, start in starts.items()}
        return await self._logic._parse_trajectory(piece, len(path), self._info, ramp)


# -- plans


def generator_of(plan: Plan) -> object:
    """Return the generator that bluesky wraps to warn of plans that nobody runs."""
    return plan._iter
