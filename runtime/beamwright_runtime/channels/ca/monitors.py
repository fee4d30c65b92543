"""Subscriptions over Channel Access.

ADR 0014 rules here.
"""

from __future__ import annotations

import ctypes
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from beamwright_runtime.channels.ca import libca, thread_states
from beamwright_runtime.channels.ca.channel import CaChannel
from beamwright_runtime.channels.wake_up import WakeUp
from beamwright_runtime.errors import ReadRefusedError

logger = logging.getLogger("beamwright")


class CaMonitor:
    """A subscription, until it is closed; it survives disconnections."""

    def __init__(
        self,
        channel: CaChannel,
        decode: Callable[[int, int, int], Any],
        callback: Callable[[Any], None],
        every_update: bool,
        end: Callable[[CaMonitor], None],
    ) -> None:
        self.channel = channel
        self._end = end
        self.every_update = every_update
        self.decode = decode
        self.callback = callback
        self.handle = ctypes.c_void_p()
        self.number = 0

    def close(self) -> None:
        """End it; no further callback comes."""
        self._end(self)


class CaMonitors:
    """The subscriptions of one event loop. Updates arrive on libca's threads, and are taken in the loop."""

    def __init__(self, wake_up: WakeUp) -> None:
        self._wake_up = wake_up
        self._updates: deque[tuple[int, Any]] = deque()
        self._monitors: dict[int, CaMonitor] = {}
        self._number = 0
        self._on_update = libca.AnswerHandler(self._update)

    def begin(
        self,
        channel: CaChannel,
        kind: int,
        mask: int,
        decode: Callable[[int, int, int], Any],
        callback: Callable[[Any], None],
        every_update: bool = True,
    ) -> CaMonitor:
        """Subscribe to a channel: call back with each update, in the event loop.

        :param kind: the DBR code to ask for.
        :param mask: which changes count, of `DBE_VALUE`, `DBE_ALARM` and so on.
        :param every_update: otherwise only the last of those that arrived together.
        :raises ReadRefusedError: if libca refuses. What the server refuses, now or later, is logged.
        """
        monitor = CaMonitor(channel, decode, callback, every_update, self.end)
        self._number += 1
        monitor.number = self._number
        self._monitors[monitor.number] = monitor
        status = libca.create_subscription(
            kind,
            0,
            channel._as_parameter_,
            mask,
            self._on_update,
            monitor.number,
            ctypes.addressof(monitor.handle),
        )
        if status != libca.ECA_NORMAL:
            del self._monitors[monitor.number]
            raise ReadRefusedError(channel.pv, libca.message(status))
        libca.flush_io()
        return monitor

    def channels(self) -> set[CaChannel]:
        """Return the channels that are monitored."""
        return {monitor.channel for monitor in self._monitors.values()}

    def end(self, monitor: CaMonitor) -> None:
        """End a subscription."""
        if self._monitors.pop(monitor.number, None) is not None and monitor.channel._as_parameter_:
            libca.clear_subscription(monitor.handle)
            libca.flush_io()

    def end_all(self) -> None:
        """End all subscriptions."""
        for monitor in list(self._monitors.values()):
            self.end(monitor)

    def _update(self, answer: Any) -> None:
        if not thread_states.thread.kept:
            thread_states.keep()
        monitor = self._monitors.get(answer.usr)
        if monitor is None or answer.status == libca.ECA_DISCONNECTED:
            return
        value: Any
        if answer.status != libca.ECA_NORMAL:
            value = ReadRefusedError(monitor.channel.pv, libca.message(answer.status))
        else:
            try:
                value = monitor.decode(answer.raw_dbr, answer.type, answer.count)
            except Exception as error:
                value = error
        self._updates.append((answer.usr, value))
        self._wake_up.ask()

    def dispatch(self) -> None:
        """Call back with the updates that have arrived."""
        updates = self._updates
        later: dict[int, int] = {}
        for number, _ in list(updates):
            later[number] = later.get(number, 0) + 1
        while updates:
            number, value = updates.popleft()
            later[number] = left = later.get(number, 1) - 1
            monitor = self._monitors.get(number)
            if monitor is None or (left > 0 and not monitor.every_update):
                continue
            if isinstance(value, ReadRefusedError):
                logger.error("%s", value)
                continue
            try:
                if isinstance(value, Exception):
                    raise value
                monitor.callback(value)
            except Exception:
                logger.exception("ca://%s: an update could not be handled", monitor.channel.name)
