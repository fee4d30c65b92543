"""Whole trees of devices, connected in one operation.

ADR 0012 rules here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast

from ophyd_async.core import DEFAULT_TIMEOUT, Device, DeviceConnector, DeviceMock, NotConnectedError

from beamwright_runtime.connection.failure import DeviceReport, failure_of
from beamwright_runtime.connection.signal_tree import SignalTree, exception_of
from beamwright_runtime.connection.signals_below import (
    connects_children,
    forget_connection,
    signal_problems,
    users_below,
)
from beamwright_runtime.errors import ConnectionProblem
from beamwright_runtime.ophyd_seam import PLAIN, is_mocked, rename, rename_plain

_TREE = "_beamwright_tree"


class TreeDevice(Device):
    """A device that connects its whole tree in one operation, and that knows when it is lost.

    `connect` is idempotent and costs nothing while all channels are up. Callers at the same time share one attempt,
    and cancelling one of them does not touch the others. A failure is tried again by the next call.
    """

    def set_name(self, name: str, *, child_name_separator: str | None = None) -> None:
        """Name the device, and each child after it.

        :param child_name_separator: between the names of the device and of a child, `-` by default.
        :param name: of the device; children are named after it, as in `stage-x`.
        """
        if getattr(super().set_name, "__func__", None) is not Device.set_name:  # a class between has more to do
            super().set_name(name, child_name_separator=child_name_separator)
            return
        _name_children(self, rename(self, name, child_name_separator))

    @connects_children
    async def connect(
        self,
        mock: bool | DeviceMock[Any] = False,
        timeout: float = DEFAULT_TIMEOUT,
        force_reconnect: bool = False,
    ) -> None:
        """Connect all signals of the device and of its children.

        :param mock: without hardware, as in ophyd-async.
        :param timeout: in seconds.
        :param force_reconnect: ask every server again, even if all channels are up.
        :raises ConnectionFailedError: if PVs do not answer in time or have other types; shows and holds which.
        """
        if mock:
            await super().connect(mock, timeout, force_reconnect)
        else:
            await connect_tree(self, timeout, force_reconnect)


def _name_children(device: Device, separator: str) -> None:
    """Name the signals and commands of a device, and its other children their own way."""
    start = device.name + separator if device.name else ""
    for attribute, child in device.children():
        name = start + attribute if start else ""
        if type(child) in PLAIN:
            rename_plain(child, name)
        else:
            child.set_name(name, child_name_separator=separator)


class TreeConnector(DeviceConnector):
    """Connects the whole tree below a device in one operation."""

    @connects_children
    async def connect_real(self, device: Device, timeout: float, force_reconnect: bool) -> None:
        """Connect all signals of the device and of its children; see `TreeDevice.connect`."""
        await connect_tree(device, timeout, force_reconnect)


async def connect_tree(device: Device, timeout: float = DEFAULT_TIMEOUT, force_reconnect: bool = False) -> None:
    """Connect any device, vector or group with all its children in one operation.

    :param timeout: in seconds.
    :param force_reconnect: ask every server again, even if all channels are up.
    :param device: whose children are connected with it.
    :raises ConnectionFailedError: if PVs do not answer in time or have other types; shows and holds which.
    """
    tree = tree_of(device)
    if tree is None:
        tree = device.__dict__[_TREE] = SignalTree(device)
    elif tree.ready and not force_reconnect and not tree.foreign and tree.watched:
        return
    await tree.connect(timeout, force_reconnect)


async def connect_together(
    devices: Mapping[str, Device],
    name: str = "devices",
    timeout: float = DEFAULT_TIMEOUT,
    force_reconnect: bool = False,
) -> None:
    """Connect several devices in one operation.

    :param devices: by the names that the outline shows.
    :param name: what they are together, such as the beamline's name.
    :param timeout: in seconds.
    :param force_reconnect: ask every server again, even if all channels are up.
    :raises ConnectionFailedError: one outline of all that is not connected.
    """
    began = time.monotonic()
    tasks = {
        key: asyncio.create_task(connect_tree(device, timeout, force_reconnect)) for key, device in devices.items()
    }
    try:
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    finally:
        for task in tasks.values():
            task.cancel()
    for task in tasks.values():
        error = exception_of(task)
        if error is not None and not isinstance(error, NotConnectedError):
            raise error
    reports = [
        DeviceReport(key, cast("SignalTree", devices[key].__dict__[_TREE]), exception_of(task))
        for key, task in tasks.items()
    ]
    if any(each.error is not None for each in reports):
        raise failure_of(reports, name, time.monotonic() - began)


async def disconnect(*devices: Device) -> None:
    """Close the channels of devices; connecting them again opens new ones.

    :param devices: that are not needed any more.
    """
    for device in devices:
        for _, user in users_below(device):
            user.release()
        tree = cast("SignalTree | None", device.__dict__.pop(_TREE, None))
        if tree is not None:
            tree.follow(())
        forget_connection(device)
    await asyncio.sleep(0)


def tree_of(device: Device) -> SignalTree | None:
    """Return the tree of a device that has been connected in the running event loop, and not in mock mode since."""
    tree = cast("SignalTree | None", device.__dict__.get(_TREE))
    if tree is None or tree.loop is not asyncio.get_running_loop() or is_mocked(device):
        return None
    return tree


def connected_tree(device: Device) -> SignalTree | None:
    """Return the tree of a device whose event loop still runs, from any thread."""
    tree = cast("SignalTree | None", device.__dict__.get(_TREE))
    return None if tree is None or tree.loop.is_closed() else tree


def survey(device: Device) -> SignalTree:
    """Return the tree of a device, connected or not."""
    tree = tree_of(device)
    if tree is None:
        tree = device.__dict__[_TREE] = SignalTree(device)
        tree.survey()
    return tree


def known_problems(device: Device) -> list[ConnectionProblem]:
    """Return what is wrong with each signal that is not connected."""
    tree = connected_tree(device)
    return list(signal_problems(device, "") if tree is None else tree.problems())
