"""Connecting the devices of a beamline, and the table of what came of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ophyd_async.core import Command, Device, Signal

from beamwright_runtime import Beamline, ConnectionFailedError, DeviceFactory, DeviceState
from scripts.demo.terminal import table

TITLES = ("device", "class", "IOC", "signals", "state", "seconds")
_IOC = re.compile(r"\((\S+)\)$")


@dataclass(frozen=True)
class Connected:
    """A device, and what came of connecting it.

    :param ioc: where its records are.
    :param signals: and commands, that it has.
    :param seconds: from the start of all connections to the end of its own.
    :param error: why it is not connected.
    """

    name: str
    kind: str
    ioc: str
    signals: int
    state: DeviceState
    seconds: float
    error: ConnectionFailedError | None = None


async def connect(beamline: Beamline) -> Sequence[Connected]:
    """Connect all devices at the same time, whatever their policies."""
    began = time.perf_counter()
    return await asyncio.gather(*(_connect(factory, began) for factory in beamline))


async def _connect(factory: DeviceFactory[Device], began: float) -> Connected:
    device = await factory.make()
    error = None
    try:
        await factory.connect()
    except ConnectionFailedError as failure:
        error = failure
    return Connected(
        name=factory.name,
        kind=type(device).__name__,
        ioc=_ioc(factory),
        signals=sum(1 for _ in _signals(device)),
        state=factory.state,
        seconds=time.perf_counter() - began,
        error=error,
    )


def _ioc(factory: DeviceFactory[Device]) -> str:
    # The docstring of a generated factory ends with the IOC that its records are described by.
    found = _IOC.search((factory.__doc__ or "").strip().rstrip("."))
    return found[1] if found else ""


def _signals(device: Device) -> Iterator[Device]:
    for _, child in device.children():
        if isinstance(child, Signal | Command):
            yield child
        yield from _signals(child)


def connection_table(devices: Iterable[Connected]) -> list[str]:
    """Return the lines of the table."""
    rows = [
        [one.name, one.kind, one.ioc, str(one.signals), one.state.stage.value, f"{one.seconds:.3f}"] for one in devices
    ]
    return table(TITLES, rows, right=["signals", "seconds"])
