"""Devices whose signals are records under one prefix.

ADR 0011 rules here.
"""

from __future__ import annotations

from collections.abc import Mapping

from ophyd_async.core import DEFAULT_TIMEOUT, Device, DeviceConnector, TriggerableCommand
from ophyd_async.epics.core import EpicsDevice, EpicsDeviceConnector

from beamwright_runtime.connection.tree_device import TreeConnector, TreeDevice
from beamwright_runtime.ophyd_seam import connector_of


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

        :param device: whose class declares them.
        :raises TypeError: if a declared child has no `PvSuffix`, or a command takes or returns values.
        """
        if not self._filled:
            from beamwright_runtime.signals.class_plan import make_children  # brings all that channels need

            self._filled = True
            make_children(device, self.prefix, self.macros, RecordConnector)


def record_command(pv: str, timeout: float | None = DEFAULT_TIMEOUT) -> TriggerableCommand:
    """Make a command that writes 1 to a PV and waits until the record has processed.

    :param pv: the PV; `pva://` or `ca://` before it chooses the protocol, else CA.
    :param timeout: of the command, in seconds; None for none.
    """
    from beamwright_runtime.signals.class_plan import backends_for  # brings all that channels need

    _, make_command, name = backends_for(pv)
    return TriggerableCommand(make_command(name), timeout)


class RecordDevice(TreeDevice, EpicsDevice):
    """A device whose signals are records under one prefix; generated devices extend it.

    As a mixin it stands first: `class ADBase(RecordDevice, ADBaseIO)`.

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
        connector = connector_of(self)
        return connector.prefix if isinstance(connector, RecordConnector) else ""
