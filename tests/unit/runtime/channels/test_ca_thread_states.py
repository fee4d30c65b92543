"""The Python states of libca's threads, which are kept between callbacks and freed when their thread has ended."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable

import pytest

from beamwright_runtime.channels.ca import thread_states
from beamwright_runtime.channels.ca.libca import PLAIN

LIBC = ctypes.CDLL(None)
ENTRY = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


def own_state() -> int | None:
    """What Python finds as the state of this thread when a library calls it back here; its bare address."""
    find = ctypes.pythonapi["PyGILState_GetThisThreadState"]
    find.restype = ctypes.c_void_p
    state: int | None = find()
    return state


def on_foreign_thread(work: Callable[[], None]) -> None:
    """Call something on a thread that Python did not make, and wait until that thread has ended."""
    done: list[bool] = []

    def entry(_: object) -> None:
        work()
        done.append(True)

    thread, called = ctypes.c_ulong(), ENTRY(entry)
    assert LIBC.pthread_create(ctypes.byref(thread), None, called, None) == 0
    assert LIBC.pthread_join(thread, None) == 0
    assert done == [True]


async def freed(before: int) -> None:
    async with asyncio.timeout(30):
        while thread_states.count() > before:  # fewer, where threads of earlier tests ended meanwhile
            thread_states.drop_ended()
            await asyncio.sleep(0)


async def test_the_thread_that_frees_a_state_keeps_its_own() -> None:
    mine, before = own_state(), thread_states.count()
    on_foreign_thread(thread_states.keep)
    await freed(before)
    assert own_state() == mine


@pytest.mark.skipif(PLAIN, reason="ctypes ends each state itself")
async def test_a_thread_with_the_number_of_an_ended_one_keeps_its_own() -> None:
    before = thread_states.count()
    ended: list[int] = []
    again: list[tuple[int | None, int | None]] = []

    def first() -> None:
        thread_states.keep()
        ended.append(thread_states._kept.pop(threading.get_native_id()))

    def second() -> None:
        thread_states._kept[threading.get_native_id()] = ended.pop()
        mine = own_state()
        thread_states.keep()
        again.append((mine, own_state()))

    on_foreign_thread(first)
    on_foreign_thread(second)
    ((mine, kept),) = again
    assert kept == mine
    await freed(before)
