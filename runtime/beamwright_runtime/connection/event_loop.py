"""The event loop that devices are connected in, and waiting for it from outside.

ADR 0014 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bluesky import run_engine

ResultT = TypeVar("ResultT")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def run_engine_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of the newest RunEngine, if it runs."""
    loop: asyncio.AbstractEventLoop | None = run_engine.get_bluesky_event_loop()
    return loop if loop is not None and loop.is_running() else None


def background_loop(what: str) -> asyncio.AbstractEventLoop:
    """Return the event loop for work that nobody waits for: a RunEngine's, else the one that runs in this thread.

    :param what: needs it; named in the error.
    :raises RuntimeError: if there is none.
    """
    loop = run_engine_loop() or running_loop()
    if loop is None:
        raise RuntimeError(f"{what} connects in the event loop of a RunEngine: make one first")
    return loop


def waiting_loop(what: str, instead: str) -> asyncio.AbstractEventLoop:
    """Return the event loop of a RunEngine, for work that this thread can wait for.

    A notebook has an event loop of its own, which may wait as it does for a plan.

    :param what: needs it; named in the error.
    :param instead: what to do where waiting is not possible.
    :raises RuntimeError: if there is no RunEngine, or if waiting would stop the event loop that does the work.
    """
    loop, here = run_engine_loop(), running_loop()
    if here is not None and (loop is None or loop is here):
        raise RuntimeError(f"{what} waits, which would stop the event loop it is called in: {instead}")
    if loop is None:
        raise RuntimeError(f"{what} connects in the event loop of a RunEngine: make one first")
    return loop


def wait_in_loop(work: Coroutine[Any, Any, ResultT], loop: asyncio.AbstractEventLoop) -> ResultT:
    """Do work in the event loop of another thread and wait for it; an interrupt ends the waiting."""
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
