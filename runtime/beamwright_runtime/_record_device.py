"""Devices whose signals are records under one prefix."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ophyd_async.core import Device, DeviceConnector, DeviceFiller, SignalDatatype
from ophyd_async.epics.core import EpicsDevice, EpicsDeviceConnector, EpicsOptions, PvSuffix

from beamwright_runtime._ca_backends import CaBackend, CaCommand
from beamwright_runtime._connection import TreeConnector, TreeDevice
from beamwright_runtime._pva_backends import PvaBackend, PvaCommand

RecordBackend = CaBackend[Any] | PvaBackend[Any]
CommandBackend = CaCommand | PvaCommand


class RecordConnector(TreeConnector, EpicsDeviceConnector):
    """Makes and connects the children that a class declares as records under one prefix.

    :param prefix: starts the name of every record; `pva://` or `ca://` before it chooses the protocol, else CA.
    :param macros: what stands for each `$(NAME)` in a suffix.
    """

    def __init__(self, prefix: str = "", macros: Mapping[str, str] | None = None) -> None:
        super().__init__(prefix)
        self.macros = macros or {}
        self._filled = False

    def create_children_from_annotations(self, device: Device) -> None:
        """Make the declared signals, commands and devices once; calling it again does nothing.

        :raises TypeError: if a declared child has no `PvSuffix`, or a command takes or returns values.
        """
        if self._filled:
            return
        self._filled = True
        protocol, _, prefix = self.prefix.rpartition("://")
        if protocol not in ("", "ca", "pva"):
            raise ValueError(f"{self.prefix}: unknown protocol {protocol!r}, use ca:// or pva://")
        filler = DeviceFiller(
            device,
            signal_backend_factory=_pva_backend if protocol == "pva" else _ca_backend,
            device_connector_factory=RecordConnector,
            command_backend_factory=_pva_command if protocol == "pva" else _ca_command,
        )
        for signal, extras in filler.create_signals_from_annotations():
            suffix = _take_suffix(device, extras)
            signal.read_pv = prefix + self._expand(suffix.read_suffix)
            signal.write_pv = prefix + self._expand(_written(suffix))
            signal.options = _take_options(extras)
        for command, extras in filler.create_commands_from_annotations():
            suffix = _take_suffix(device, extras)
            command.write_pv = prefix + self._expand(_written(suffix))
        for connector, extras in filler.create_devices_from_annotations():
            connector.set_prefix(self.prefix + self._expand(_take_suffix(device, extras).read_suffix))

    def _expand(self, suffix: str) -> str:
        for macro, value in self.macros.items():
            suffix = suffix.replace(f"$({macro})", value)
        return suffix


def _written(suffix: PvSuffix) -> str:
    # An empty setpoint suffix is a name too: the record is called like the device.
    return suffix.read_suffix if suffix.write_suffix is None else suffix.write_suffix


def _take_suffix(device: Device, annotations: list[Any]) -> PvSuffix:
    for annotation in annotations:
        if isinstance(annotation, PvSuffix):
            annotations.remove(annotation)
            return annotation
    raise TypeError(f"{type(device).__name__}: a declared child has no PvSuffix")


def _take_options(annotations: list[Any]) -> EpicsOptions[Any]:
    for annotation in annotations:
        if isinstance(annotation, EpicsOptions):
            annotations.remove(annotation)
            return annotation
    return EpicsOptions()


def _ca_backend(datatype: type[SignalDatatype] | None) -> RecordBackend:
    return CaBackend(datatype)


def _pva_backend(datatype: type[SignalDatatype] | None) -> RecordBackend:
    return PvaBackend(datatype)


def _ca_command(signature: inspect.Signature | None) -> CaCommand:
    _refuse_values(signature)
    return CaCommand()


def _pva_command(signature: inspect.Signature | None) -> PvaCommand:
    _refuse_values(signature)
    return PvaCommand()


def _refuse_values(signature: inspect.Signature | None) -> None:
    if signature is not None:
        raise TypeError(f"a record takes no arguments and returns nothing as a command, but {signature} is declared")


class RecordDevice(TreeDevice, EpicsDevice):
    """A device whose signals are records under one prefix; generated devices extend it.

    As a mixin it stands first: `class AdBase(RecordDevice, ADBaseIO)`.

    :param prefix: starts the name of every record; `pva://` or `ca://` before it chooses the protocol, else CA.
    :param name: what the device is called in documents.
    :param connector: given instead of a prefix where another device declares this one as its child.
    :param macros: what stands for each `$(NAME)` in a suffix, for a template with macros within its record names.
    """

    def __init__(
        self,
        prefix: str = "",
        name: str = "",
        connector: DeviceConnector | None = None,
        *,
        macros: Mapping[str, str] | None = None,
    ) -> None:
        if connector is not None and (prefix or macros):
            raise ValueError("a connector already has its prefix and macros: give one or the other")
        super().__init__(name=name, connector=connector or RecordConnector(prefix, macros))

    @property
    def prefix(self) -> str:
        """What starts the name of every record, its protocol included where one was given."""
        connector = self._connector
        return connector.prefix if isinstance(connector, RecordConnector) else ""
