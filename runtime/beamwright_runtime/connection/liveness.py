"""Which devices are connected, without network traffic, and which connect or are lost.

ADR 0013 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from ophyd_async.core import Device

from beamwright_runtime.channels.user import READY
from beamwright_runtime.connection.signals_below import users_below
from beamwright_runtime.connection.tree_device import connected_tree, known_problems, survey
from beamwright_runtime.errors import ConnectionProblem
from beamwright_runtime.ophyd_seam import is_mocked


class ConnectionEvent(NamedTuple):
    """A device connected or was lost.

    :param device: which one.
    :param connected: whether all its signals are connected now.
    """

    device: Device
    connected: bool


def is_connected(device: Device) -> bool:
    """Return whether all signals of a device are connected, from what is known: without network traffic.

    A device in mock mode counts as connected. What an IOC that hangs without closing its connection costs in time is
    for `EPICS_CA_CONN_TMO` to say (30 s unless set): until then its channels count as connected.

    :param device: of beamwright or of ophyd-async; may be a group or a vector.
    """
    if is_mocked(device):
        return True
    tree = connected_tree(device)
    if tree is not None:
        return tree.ready
    users = users_below(device)
    return bool(users) and all(user.status == READY for _, user in users)


def disconnected_signals(device: Device) -> list[Device]:
    """List the signals and commands of a device that are not connected, from what is known.

    :returns: the signals, in the order of the device; none in mock mode.
    """
    if is_mocked(device):
        return []
    tree = connected_tree(device)
    if tree is not None and tree.ready:
        return []
    return [signal for signal, user in users_below(device) if user.status != READY]


def connection_problems(device: Device) -> list[ConnectionProblem]:
    """Return what is wrong with each signal that is not connected, without network traffic.

    :returns: one problem for each signal; none in mock mode.
    """
    return [] if is_mocked(device) else known_problems(device)


def on_connection_change(callback: Callable[[ConnectionEvent], None], *devices: Device) -> Callable[[], None]:
    """Call back in the running event loop whenever one of the devices connects or is lost.

    Nothing is connected by this: a device that was not connected yet comes when it is.

    :param callback: called with each event; changes within one turn of the loop are one event.
    :param devices: to follow.
    :returns: a function that ends it.
    """
    ends: list[Callable[[], None]] = []
    for device in devices:
        ends.append(_listen(device, callback))

    def end() -> None:
        for stop in ends:
            stop()

    return end


def _listen(device: Device, callback: Callable[[ConnectionEvent], None]) -> Callable[[], None]:
    tree = survey(device)
    before = tree.ready

    def changed() -> None:
        nonlocal before
        if tree.ready != before:
            before = tree.ready
            callback(ConnectionEvent(device, before))

    tree.listeners.append(changed)
    return lambda: tree.listeners.remove(changed)


async def connection_events(*devices: Device) -> AsyncIterator[ConnectionEvent]:
    """Yield an event for each device as it is now, then one whenever a device connects or is lost.

    :param devices: to follow.
    :returns: the events, without end.
    """
    events: asyncio.Queue[ConnectionEvent] = asyncio.Queue()
    end = on_connection_change(events.put_nowait, *devices)
    try:
        for device in devices:
            yield ConnectionEvent(device, is_connected(device))
        while True:
            yield await events.get()
    finally:
        end()
