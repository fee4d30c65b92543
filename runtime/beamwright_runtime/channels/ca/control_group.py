"""Control information of many channels, asked for together and read when all of it is there.

ADR 0012 rules here.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable, Iterator, Sequence

from epicscorelibs.ca import dbr

from beamwright_runtime.channels.ca import libca
from beamwright_runtime.channels.ca.channel import CaChannel

LOOK = 0.001
"""Seconds between two looks at what has come."""
SILENCE = 0.05
"""Seconds without an answer after which the group ends, whatever is still missing."""

_ROOM = ctypes.sizeof(dbr.dbr_ctrl_enum)
"""Bytes for each answer: states take the most."""
_UNANSWERED = -1
"""Stands where an answer has its alarm status, which is never negative."""


class CaGroup:
    """One request to many channels, whose answers libca writes into one buffer.

    libca's thread would otherwise call Python for each, and wait each time for the interpreter lock, while it reads
    nothing of what servers send.

    :param channels: all up; one element of each is asked for.
    :param ended: takes each channel with the DBR code and the bytes of its answer, none if there is no answer. Called
        once.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        channels: Sequence[CaChannel],
        ended: Callable[[CaGroup, Iterator[tuple[CaChannel, int, bytes]]], None],
    ) -> None:
        self._loop = loop
        self._channels = channels
        self._kinds = [control_kind(channel) for channel in channels]
        self._ended = ended
        self._answers = ctypes.create_string_buffer(len(channels) * _ROOM)
        ctypes.memset(self._answers, 0xFF, len(self._answers))
        self._statuses = memoryview(self._answers).cast("B").cast("h")[:: _ROOM // 2]
        self._number = ctypes.c_uint()
        libca.group_create(ctypes.byref(self._number))
        start = ctypes.addressof(self._answers)
        places = range(start, start + len(self._answers), _ROOM)
        chids = [channel._as_parameter_ for channel in channels]
        libca.group_get(self._number, self._kinds, chids, places)
        self._missing = len(channels)
        self._until = loop.time() + SILENCE
        self._timer = loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        # `ca_sg_test` would tell, but it takes libca's locks in an order in which other threads may wait for ever.
        missing = self._statuses.tolist().count(_UNANSWERED)
        now = self._loop.time()
        if missing < self._missing:
            self._missing = missing
            self._until = now + SILENCE
        if missing and now < self._until:
            self._timer = self._loop.call_later(LOOK, self._look)
            return
        self.end()
        self._ended(self, self._found())

    def _found(self) -> Iterator[tuple[CaChannel, int, bytes]]:
        answers = memoryview(self._answers).cast("B")
        known = zip(self._channels, self._kinds, self._statuses.tolist(), range(0, len(answers), _ROOM), strict=True)
        for channel, kind, status, at in known:
            yield channel, kind, b"" if status == _UNANSWERED else answers[at : at + _ROOM].tobytes()

    def end(self) -> None:
        """End the group: libca writes to the buffer no longer."""
        self._timer.cancel()
        libca.group_delete(self._number)


def control_kind(channel: CaChannel) -> int:
    """Return the DBR code that asks a channel for its control information."""
    return dbr.DBR_TIME_STRING if channel.dbf == dbr.DBR_STRING else channel.dbf + 28
