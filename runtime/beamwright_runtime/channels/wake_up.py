"""From the threads of a client library to an event loop.

ADR 0014 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class WakeUp:
    """Has a function called in an event loop, once for all who ask before it runs.

    :param loop: where it runs.
    :param take: takes all that is queued.
    :param pause: seconds after each run until the next one, which whoever asks meanwhile waits for. Without it, the
        loop and a thread that queues one thing after the other would wait for each other each time.
    :ivar due: whether it is going to run.
    """

    __slots__ = ("_dispatch", "_loop", "_pause", "due")

    def __init__(self, loop: asyncio.AbstractEventLoop, dispatch: Callable[[], None], pause: float = 0.0) -> None:
        self._loop = loop
        self._dispatch = dispatch
        self._pause = pause
        self.due = False

    def ask(self) -> None:
        """Have the function called soon; may be called from any thread."""
        if self.due:
            return
        self.due = True
        try:
            self._loop.call_soon_threadsafe(self._run)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            self.due = False

    def _run(self) -> None:
        if self._pause:
            self._dispatch()
            self._loop.call_later(self._pause, self._dispatch_rest)
        else:
            self._dispatch_rest()

    def _dispatch_rest(self) -> None:
        self.due = False
        self._dispatch()
