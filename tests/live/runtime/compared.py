"""Comparing a backend of ours with ophyd-async's on the same PVs."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from ophyd_async.core import StrictEnum, SubsetEnum, SupersetEnum, Table
from ophyd_async.epics.core import CaSignalBackend, PvaSignalBackend

from beamwright_runtime.signals.ca_backend import CaBackend
from beamwright_runtime.signals.pva_backend import PvaBackend


class Strict(StrictEnum):
    """The states of the enums that tests serve."""

    ONE = "One"
    TWO = "Two"
    THREE = "Three"


class Subset(SubsetEnum):
    """One of them."""

    TWO = "Two"


class Superset(SupersetEnum):
    """One more than there are."""

    ONE = "One"
    TWO = "Two"
    THREE = "Three"
    FOUR = "Four"


def pair(protocol: str, name: str, datatype: Any, write: str = "", **options: Any) -> tuple[Any, Any]:
    """Make our backend and ophyd-async's for a PV, or for a readback and its setpoint."""
    mine, theirs = (CaBackend, CaSignalBackend) if protocol == "ca" else (PvaBackend, PvaSignalBackend)
    return mine(datatype, name, write or name, **options), theirs(datatype, name, write or name, **options)


async def connected(protocol: str, name: str, datatype: Any, write: str = "", **options: Any) -> tuple[Any, Any]:
    """Make and connect them."""
    backends = pair(protocol, name, datatype, write, **options)
    for backend in backends:
        await backend.connect(30)
    return backends


def same(mine: Any, theirs: Any) -> bool:
    """Tell whether two values are equal and of the same type, with all they hold."""
    if type(mine) is not type(theirs):
        return False
    if isinstance(theirs, np.ndarray):
        return mine.dtype == theirs.dtype and mine.shape == theirs.shape and np.array_equal(mine, theirs)
    if isinstance(theirs, Table):
        columns = dict(theirs)
        return dict(mine).keys() == columns.keys() and all(same(column, columns[name]) for name, column in mine)
    return bool(mine == theirs)


async def assert_same(mine: Any, theirs: Any) -> None:
    """Compare all that two backends read of one PV."""
    assert same(await mine.get_value(), await theirs.get_value())
    assert same(await mine.get_setpoint(), await theirs.get_setpoint())
    my_reading, their_reading = await mine.get_reading(), await theirs.get_reading()
    assert same(my_reading.pop("value"), their_reading.pop("value"))
    assert my_reading == their_reading
    assert await mine.get_datakey("source") == await theirs.get_datakey("source")


class Updates:
    """The readings that a backend calls back with, while entered."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._readings: asyncio.Queue[Any] = asyncio.Queue()

    def __enter__(self) -> Updates:
        self._backend.set_callback(self._readings.put_nowait)
        return self

    def __exit__(self, *_: object) -> None:
        self._backend.set_callback(None)

    async def until(self, value: Any) -> Any:
        """Wait for the reading of a value."""
        async with asyncio.timeout(30):
            while True:
                reading = await self._readings.get()
                if same(reading["value"], value):
                    return reading
