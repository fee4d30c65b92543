"""Makes generated devices, connects them to a real IOC with `Device.connect`, and reads every signal.

A process of its own, because CA and PVA read once per process where to search. Standard input is JSON: `module` (the
beamline module's name), `devices` (factory names) and `records` (those of the IOC that count). Standard output is JSON:
a list of `[device, attribute, PVs, outcome]`, where the outcome is null for a signal that connects and reads, a text
that says why it does not, and false for one that is not on the records that count. The import path says which package.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ophyd_async.core import Command, Device, Signal, SignalR, StaticFilenameProvider, StaticPathProvider

from beamwright_runtime import Beamline

AT_ONCE = 500
TIMEOUT = 30.0
MIXED_TIMEOUT = 10.0
"""For devices with signals that the IOC does not serve, which are waited for in vain."""

Leaf = Signal[Any] | Command[Any, Any]


class Found(NamedTuple):
    """One signal or command of a device, with its PVs."""

    device: str
    attribute: str
    leaf: Leaf
    pvs: tuple[str, ...]

    def is_on(self, records: set[str]) -> bool:
        """Return whether all of its PVs are on some records."""
        return all(record_of(pv) in records for pv in self.pvs)


def record_of(pv: str) -> str:
    """Return the record that a PV is a field of."""
    return pv.partition(".")[0]


def leaves(device: Device, name: str, path: str = "") -> Iterator[Found]:
    """Yield the signals and commands of a device and of the devices inside it."""
    for attribute, child in device.children():
        at = f"{path}.{attribute}" if path else attribute
        if isinstance(child, Signal | Command):
            backend: Any = child._connector.backend
            pvs = (getattr(backend, "read_pv", ""), getattr(backend, "write_pv", ""))
            used = tuple(dict.fromkeys(pv.rpartition("://")[2] for pv in pvs if pv))
            if used:
                yield Found(name, at, child, used)
        else:
            yield from leaves(child, name, at)


async def _connect(device: Device, timeout: float) -> None:
    try:
        await device.connect(timeout=timeout)
    except Exception:  # whatever it is, the signals that caused it are asked one by one
        return


async def _outcome(leaf: Leaf) -> str | None:
    try:
        await leaf.connect(timeout=TIMEOUT)
        if isinstance(leaf, SignalR):
            await leaf.get_value()
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return None


def _batches(items: Iterable[tuple[Device, Sequence[Found]]]) -> Iterator[list[Device]]:
    batch: list[Device] = []
    count = 0
    for device, found in items:
        if batch and count + len(found) > AT_ONCE:
            yield batch
            batch, count = [], 0
        batch.append(device)
        count += len(found)
    if batch:
        yield batch


async def connect(devices: dict[str, Device], records: set[str]) -> list[tuple[Found, str | bool | None]]:
    """Connect devices, as whole devices first, and read every signal that is on records of the IOC."""
    found = {name: list(leaves(device, name)) for name, device in devices.items()}
    served = {name: [one for one in some if one.is_on(records)] for name, some in found.items()}
    whole = [(devices[name], some) for name, some in found.items() if len(some) == len(served[name])]
    mixed = [(devices[name], some) for name, some in found.items() if served[name] and len(some) > len(served[name])]
    for batch in _batches(whole):
        await asyncio.gather(*(_connect(device, TIMEOUT) for device in batch))
    await asyncio.gather(*(_connect(device, MIXED_TIMEOUT) for device, _ in mixed))
    outcomes: dict[int, str | None] = {}
    wanted = [one for some in served.values() for one in some]
    for start in range(0, len(wanted), AT_ONCE):
        batch_of = wanted[start : start + AT_ONCE]
        results = await asyncio.gather(*(_outcome(one.leaf) for one in batch_of))
        outcomes |= {id(one): result for one, result in zip(batch_of, results, strict=True)}
        print(f"{start + len(batch_of)} of {len(wanted)} signals", file=sys.stderr, flush=True)
    return [(one, outcomes.get(id(one), False)) for some in found.values() for one in some]


def made(module: str, names: Iterable[str]) -> dict[str, Device]:
    """Call the factories of a beamline module."""
    beamline = importlib.import_module(module)
    assert isinstance(beamline.devices, Beamline)
    beamline.devices.fixtures["path_provider"] = StaticPathProvider(StaticFilenameProvider("demo"), Path("/tmp"))
    return {name: getattr(beamline, name)() for name in names}


async def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    outcomes = await connect(made(request["module"], request["devices"]), set(request["records"]))
    answer = [(one.device, one.attribute, one.pvs, outcome) for one, outcome in outcomes]
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
