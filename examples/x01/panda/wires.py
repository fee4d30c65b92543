"""What runs through the box: bits and positions by the names that its blocks choose them with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Listener = Callable[[str, bool], Awaitable[None]]


class Wires:
    """Levels of bits, and positions in encoder counts; whoever drives the box sets them.

    `ZERO` and `ONE` are the constant bits, `ZERO` is the constant position too.
    """

    def __init__(self) -> None:
        self._bits = {"ZERO": False, "ONE": True}
        self._positions = {"ZERO": 0}
        self._listeners: list[Listener] = []
        self._changed = asyncio.Condition()

    def bit(self, name: str) -> bool:
        """Give the level of a bit, low until it is set."""
        return self._bits.get(name, False)

    def position(self, name: str) -> int:
        """Give a position, 0 until it is set."""
        return self._positions.get(name, 0)

    async def set_bit(self, name: str, level: bool) -> None:
        """Set a bit; returns when every listener has done what follows from the change."""
        if self.bit(name) != level:
            self._bits[name] = level
            for listener in self._listeners:
                await listener(name, level)
            await self.changed()

    async def set_position(self, name: str, counts: int) -> None:
        """Set a position."""
        self._positions[name] = counts
        await self.changed()

    def listen(self, listener: Listener) -> None:
        """Have a coroutine called with the name and the level of each bit that changes."""
        self._listeners.append(listener)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on bits and positions holds."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def changed(self) -> None:
        """Have all conditions looked at again."""
        async with self._changed:
            self._changed.notify_all()
