"""libca as bulk work needs it: its functions, callbacks on its threads, and the context that aioca uses.

ADR 0012 and 0014 rule here. Three tricks make a call for each of 50,000 channels cheap. The first two are here, the
third in `thread_states`; each gives what it saves, measured on Linux with Python 3.11.

- Functions without prototypes, which take addresses as references that count from address zero (`pointers`): a call
  takes 0.16 us instead of 0.37 us. Short functions keep the GIL as well (`_brief`), because giving it away and back
  costs more than they do.
- Connection handlers of two plain arguments (`TWO_WORDS`): a call back takes 0.2 us instead of 0.4 us.
- Python states of libca's threads that are kept between callbacks: a call back takes 0.2 us instead of 15 us.

`BEAMWRIGHT_PLAIN_CA=1` turns all of them off, and the groups of `control_group` too, which have libca write answers
into memory of ours. Every function then has its prototype and releases the GIL, and ctypes makes and ends the Python
state of each callback, as in pyepics and aioca. Whoever suspects one of the tricks behind a crash or a hang tries that
first.
"""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from ctypes import c_char_p, c_int, c_long, c_short, c_size_t, c_uint, c_ulong, c_void_p
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import repeat
from typing import Any

import aioca
from epicscorelibs.ca import cadef
from epicscorelibs.path import get_lib

logger = logging.getLogger("beamwright")

PLAIN = os.environ.get("BEAMWRIGHT_PLAIN_CA", "0") not in ("", "0")
"""Whether libca is called as others call it, without the tricks. Read once, when this module is imported."""

ECA_NORMAL = 1
ECA_DISCONNECTED = 192
ECA_PUTFAIL = 160
ECA_BADCOUNT = 176
ENUM = 3
"""The native type of records with states."""
REALS = (2, 6)
"""The native types of real numbers."""
OP_UP = 6
_OP_GET = 0
_OP_PUT = 1
IS_UP = 2
"""The `ca_state` of a channel that is connected."""

_waits: Any = cadef.libca
"""Releases the GIL during a call: for functions that wait until libca's callbacks have returned."""
_brief: Any = _waits if PLAIN else ctypes.PyDLL(get_lib("ca"))
"""Keeps the GIL: for functions that take no longer than giving it away and back. They take libca's inner lock, which
no thread holds while it is in a callback and may wait for the GIL."""


class Answer(ctypes.Structure):
    """What libca hands over with the result of a get, a put or a monitor; the value is valid during the callback."""

    _fields_ = (
        ("usr", c_size_t),
        ("chid", c_void_p),
        ("type", c_long),
        ("count", c_long),
        ("raw_dbr", c_void_p),
        ("status", c_int),
    )


def _function(library: Any, name: str, *arguments: Any, returns: Any = c_int) -> Any:
    # Indexing makes a function object of our own: prototypes and checks of others stay as they are.
    function = library[name]
    function.argtypes = arguments
    function.restype = returns
    return function


def _unchecked(library: Any, name: str, *arguments: Any, returns: Any = c_int) -> Any:
    """Return a function without a prototype, whose checks would take as long as the call (ADR 0012).

    Without a prototype ctypes passes a Python int as 32 bits, so addresses are handed over as `pointers`.
    """
    if PLAIN:
        return _function(library, name, *arguments, returns=returns)
    function = library[name]
    function.restype = returns
    return function


# Never read: `byref` adds an offset to its address, which is the quickest way to a pointer without a `c_void_p` for
# each (0.1 us instead of 0.4 us).
_NOWHERE = ctypes.c_char.from_address(0)


def pointers(addresses: Iterable[int]) -> list[Any]:
    """Return what functions without a prototype take for addresses, such as those of channels."""
    if PLAIN:
        return list(map(c_void_p, addresses))
    return list(map(ctypes.byref, repeat(_NOWHERE), addresses))


_create_channel = _unchecked(_brief, "ca_create_channel", c_char_p, c_void_p, c_void_p, c_uint, c_void_p)
_POINTER = ctypes.sizeof(c_void_p)


def create_channels(names: Sequence[str]) -> list[int]:
    """Create channels without a handler; return their handles, 0 where libca refuses one.

    With next to nothing between: libca begins to search 32 ms after the first, and whoever creates further channels
    then waits for its lock each time.
    """
    chids = (c_void_p * len(names))()
    start = ctypes.addressof(chids)
    places = pointers(range(start, start + ctypes.sizeof(chids), _POINTER))
    texts = list(map(str.encode, names))
    said = list(map(_create_channel, texts, repeat(None), repeat(None), repeat(0), places))
    created = list(chids)
    if said.count(ECA_NORMAL) != len(said):
        for at, status in enumerate(said):
            if status != ECA_NORMAL:
                logger.error("ca://%s: %s", names[at], message(status))
                created[at] = 0
    return created


# The struct that libca passes to connection handlers is two words, which these ABIs pass like two arguments. A ctypes
# structure would be made for each call otherwise, and a lost server is told channel by channel (ADR 0012).
TWO_WORDS = not PLAIN and sys.platform != "win32" and platform.machine() in ("x86_64", "aarch64", "arm64")

AnswerHandler = ctypes.CFUNCTYPE(None, Answer)
ConnectionHandler: Any = (
    ctypes.CFUNCTYPE(None, c_void_p, c_long) if TWO_WORDS else ctypes.CFUNCTYPE(None, cadef.ca_connection_handler_args)
)


def connection_handler(function: Callable[[int, int], None]) -> Any:
    """Make a C function of `function(chid, op)`; keep what is returned for as long as libca may call it."""
    if TWO_WORDS:
        return ConnectionHandler(function)
    return ConnectionHandler(lambda arguments: function(arguments.chid, arguments.op))


_field_types = _unchecked(_brief, "ca_field_type", c_void_p, returns=c_short)
_element_counts = _unchecked(_brief, "ca_element_count", c_void_p, returns=c_ulong)
_read_accesses = _unchecked(_brief, "ca_read_access", c_void_p, returns=c_uint)
_change_handlers = _unchecked(_brief, "ca_change_connection_event", c_void_p, c_void_p)


def facts(channels: Sequence[Any]) -> Iterator[tuple[int, int, int]]:
    """Return each channel's native type (-1 unless it is connected), number of elements, and whether it may be read.

    :param channels: as `pointers` gives them.
    """
    return zip(map(_field_types, channels), map(_element_counts, channels), map(_read_accesses, channels), strict=True)


def change_handlers(channels: Iterable[Any], handler: Any) -> None:
    """Set the handler that libca calls when one of these channels connects or is lost.

    :param channels: as `pointers` gives them.
    """
    list(map(_change_handlers, channels, repeat(handler)))


_group_get = _unchecked(_waits, "ca_sg_array_get", c_uint, c_long, c_ulong, c_void_p, c_void_p)
"""Waits for callbacks where the channel is lost just then."""


def group_get(group: c_uint, kinds: Iterable[int], channels: Iterable[int], places: Iterable[int]) -> None:
    """Ask channels for one element each, as members of a group.

    :param kinds: DBR codes of what to ask each for.
    :param places: addresses that the answers are written to.
    """
    codes = map({kind: c_long(kind) for kind in set(kinds)}.__getitem__, kinds)
    list(map(_group_get, repeat(group), codes, repeat(c_ulong(1)), pointers(channels), pointers(places)))


change_handler = _function(_brief, "ca_change_connection_event", c_void_p, ConnectionHandler)
clear_channel = _function(_waits, "ca_clear_channel", c_void_p)
state = _function(_brief, "ca_state", c_void_p)
field_type = _function(_brief, "ca_field_type", c_void_p, returns=c_short)
element_count = _function(_brief, "ca_element_count", c_void_p, returns=c_ulong)
read_access = _function(_brief, "ca_read_access", c_void_p, returns=c_uint)
array_get = _function(_brief, "ca_array_get_callback", c_long, c_ulong, c_void_p, AnswerHandler, c_size_t)
array_put = _function(_waits, "ca_array_put", c_long, c_ulong, c_void_p, c_void_p)
array_put_wait = _function(
    _waits, "ca_array_put_callback", c_long, c_ulong, c_void_p, c_void_p, AnswerHandler, c_size_t
)
create_subscription = _function(
    _waits, "ca_create_subscription", c_long, c_ulong, c_void_p, c_long, AnswerHandler, c_size_t, c_void_p
)
clear_subscription = _function(_waits, "ca_clear_subscription", c_void_p)
group_create = _function(_brief, "ca_sg_create", c_void_p)
group_delete = _function(_waits, "ca_sg_delete", c_uint)
flush_io = _function(_waits, "ca_flush_io")
message = cadef.ca_message
_current_context = _function(_waits, "ca_current_context", returns=c_void_p)
_print_exceptions = _function(_waits, "ca_add_exception_event", c_void_p, c_void_p)


def use_context() -> None:
    """Attach this thread to aioca's context, making it if there is none; needs a running event loop."""
    _share_with_pyepics()
    aioca.get_channel_infos()
    cadef.ca_add_exception_event(_on_exception, None)


@cache
def _share_with_pyepics() -> None:
    """Make pyepics' context first, where pyepics is installed, so that aioca uses it.

    ophyd imports pyepics as soon as there is a RunEngine. pyepics takes a context that it finds for its own: whichever
    of aioca and pyepics is first at the end of the process destroys it, and the other one crashes. aioca leaves a
    context alone that it has not made.
    """
    if find_spec("epics") is None:
        return
    if "epics.ca" not in sys.modules:
        import_module("epicscorelibs.path.pyepics")  # has pyepics use the same libca as everybody else
    epics = import_module("epics.ca")
    if epics.libca is None:
        epics.initialize_libca()
    elif not _current_context():
        epics.use_initial_context()


def leave_context() -> None:
    """Let libca print its own messages again, instead of calling Python with them."""
    _print_exceptions(None, None)


put_refused: dict[int, Callable[[int, int], None]] = {}
"""What is called, on a thread of libca, with the handle of a channel and the status of a put without callback that its
server refuses; by handle."""


def _log_exception(said: Any) -> None:
    """Log what libca says of itself, such as the loss of a server, which it would print; aioca leaves that to it."""
    if said.op == _OP_GET and said.stat == ECA_DISCONNECTED:  # of each channel in a group: one line tells of the server
        return
    if said.op == _OP_PUT and (refused := put_refused.get(said.chid)) is not None:
        refused(said.chid, said.stat)
        return
    context = (said.ctx or b"").decode("utf-8", "replace")
    logger.warning("Channel Access: %s (%s)", message(said.stat), context)


_on_exception = cadef.exception_handler(_log_exception)
