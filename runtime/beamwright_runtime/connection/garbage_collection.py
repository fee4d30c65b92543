"""Keeping Python's garbage collector out of work that makes very much and drops next to nothing.

ADR 0012 rules here.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pauses = 0
_was_on = False


@contextmanager
def collection_paused(loop: asyncio.AbstractEventLoop, longest: float) -> Iterator[None]:
    """Keep the garbage collector off meanwhile; pauses may overlap, also in several threads.

    Otherwise it looks through all there is again and again while tens of thousands of objects are made that stay.

    :param loop: of the caller, which may wait for something inside.
    :param longest: after so many seconds it is on again, however long the work goes on.
    """
    ended = False

    def end() -> None:
        nonlocal ended
        if not ended:
            ended = True
            _count(-1)

    _count(1)
    timer = loop.call_later(longest, end)
    try:
        yield
    finally:
        timer.cancel()
        end()


def _count(change: int) -> None:
    global _pauses, _was_on
    with _lock:
        if not _pauses:
            _was_on = gc.isenabled()
            gc.disable()
        _pauses += change
        if not _pauses and _was_on:
            gc.enable()
