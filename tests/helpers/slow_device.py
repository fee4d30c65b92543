"""A device whose connection ends when a test says so."""

from __future__ import annotations

import asyncio

from ophyd_async.core import DEFAULT_TIMEOUT, Device, DeviceMock, NotConnectedError, soft_signal_rw


class Slow(Device):
    """Connects when `finish` is set, and fails if there is a `fault`; a foreign device, hand-written."""

    def __init__(self, name: str = "") -> None:
        self.began = asyncio.Event()
        self.finish = asyncio.Event()
        self.fault = ""
        self.attempts: list[tuple[bool, float, bool]] = []
        self.value = soft_signal_rw(float)
        super().__init__(name=name)

    async def connect(
        self,
        mock: bool | DeviceMock = False,
        timeout: float = DEFAULT_TIMEOUT,
        force_reconnect: bool = False,
    ) -> None:
        self.attempts.append((bool(mock), timeout, force_reconnect))
        self.began.set()
        await self.finish.wait()
        if self.fault:
            raise NotConnectedError(self.fault)
        await super().connect(mock, timeout, force_reconnect)
