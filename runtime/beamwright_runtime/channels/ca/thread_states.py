"""The Python states of libca's threads, kept from one callback to the next.

ADR 0012 rules here. ctypes makes the Python state of a thread that is not Python's own for each callback, and ends it
afterwards: 15 us, where the callback itself takes 0.2 us. So the first callback on a thread of libca takes one
reference too many (`PyGILState_Ensure`), and the state stays. libca ends its threads without a word to Python, so the
states are freed by hand when channels are closed; a soak test counts them. `BEAMWRIGHT_PLAIN_CA=1` leaves all of that
to ctypes.
"""

from __future__ import annotations

import ctypes
import threading
from _thread import start_new_thread
from ctypes import c_void_p
from pathlib import Path

from beamwright_runtime.channels.ca.libca import PLAIN


class _Thread(threading.local):
    kept = False


thread = _Thread()
"""What is known of the thread that this is looked at in: whether its Python state is `kept`."""
_kept: dict[int, int] = {}
_ensure = ctypes.pythonapi["PyGILState_Ensure"]
_current = ctypes.pythonapi["PyThreadState_Get"]
_current.restype = c_void_p
_clear = ctypes.pythonapi["PyThreadState_Clear"]
_clear.argtypes, _clear.restype = (c_void_p,), None
_delete = ctypes.pythonapi["PyThreadState_Delete"]
_delete.argtypes, _delete.restype = (c_void_p,), None
_tasks = Path("/proc/self/task")
_keeps = not PLAIN and _tasks.is_dir()
"""Whether states are kept: only where the system says which threads have ended."""


def keep() -> None:
    """Keep the Python state of the libca thread this is called on.

    Callbacks look at `thread.kept` before they call this. `drop_ended` frees the states of threads that have ended.
    """
    thread.kept = True
    if not _keeps:
        return
    identity = threading.get_native_id()
    if (before := _kept.pop(identity, None)) is not None:  # of an ended thread that had the same number
        _free([before])
    _ensure()
    _kept[identity] = _current()


def drop_ended() -> None:
    """Free the Python states that were kept for threads of libca that have ended."""
    ended = [identity for identity in list(_kept) if not (_tasks / str(identity)).exists()]
    _free([state for identity in ended if (state := _kept.pop(identity, None)) is not None])


def count() -> int:
    """Count the threads whose Python state is kept."""
    return len(_kept)


def _free(states: list[int]) -> None:
    """Free Python states of ended threads, in a thread that ends with that.

    Since Python 3.12 a thread that deletes the state of another loses its own: the next library that calls it back
    (h5py, any ctypes callback) aborts the process.
    """
    if states:
        start_new_thread(_free_here, (states,))


def _free_here(states: list[int]) -> None:
    for state in states:  # first all, because clearing may call objects that still need the state of this thread
        _clear(state)
    for state in states:
        _delete(state)
