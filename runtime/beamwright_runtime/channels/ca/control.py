"""Control information that Channel Access servers give: the states of an enum, the precision of a real number."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from epicscorelibs.ca import dbr

_PRECISIONS: Mapping[int, int] = {
    dbr.DBR_CTRL_FLOAT: dbr.dbr_ctrl_float.precision.offset,
    dbr.DBR_CTRL_DOUBLE: dbr.dbr_ctrl_double.precision.offset,
}
_short = struct.Struct("h").unpack_from
_STATES = slice(dbr.dbr_ctrl_enum.no_str.offset, dbr.dbr_ctrl_enum.raw_value.offset)


def decode_answer(address: int, kind: int, count: int) -> Any:
    """Return what `decode_control` reads in an answer in libca's memory."""
    size = ctypes.sizeof(dbr.DbrCodeToType[kind])
    return decode_control(ctypes.string_at(address, size), kind)


def decode_control(answer: bytes, kind: int) -> Any:
    """Return the states of an enum, or the precision of a real number.

    :param answer: which libca gave.
    :param kind: its DBR code.
    """
    if kind == dbr.DBR_CTRL_ENUM:
        return _states(answer[_STATES])
    offset = _PRECISIONS.get(kind)
    return () if offset is None else _short(answer, offset)[0]


@lru_cache(maxsize=1024)  # thousands of records have the same few
def _states(served: bytes) -> tuple[str, ...]:
    (count,) = _short(served)
    room = dbr.dbr_ctrl_enum.raw_strs
    start, width = room.offset - _STATES.start, room.size // dbr.MAX_ENUM_STATES
    texts = (served[at : at + width] for at in range(start, start + count * width, width))
    return tuple(text.partition(b"\0")[0].decode("utf-8", "replace") for text in texts)
