"""From the threads of a client library to an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class WakeUp:
    """Has a function called in an event loop, once for all who ask before it runs.

    :param loop: where it runs.
    :param take: takes all that is queued.
    :ivar due: whether it is going to run.
    """

    __slots__ = ("_loop", "_take", "due")

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[], None]) -> None:
        self._loop = loop
        self._take = take
        self.due = False

    def ask(self) -> None:
        """Have it called soon; from any thread."""
        if self.due:
            return
        self.due = True
        try:
            self._loop.call_soon_threadsafe(self._run)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            self.due = False

    def _run(self) -> None:
        self.due = False
        self._take()
