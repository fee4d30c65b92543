"""Print the signals of a PVI tree twice: as ophyd-async finds them by walking it, and as the generated class has them.

python pvi_walker.py PREFIX
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator

from ophyd_async.core import Command, Device, Signal, SignalR
from ophyd_async.epics.core import PviDeviceConnector

from beamwright_generated.beamlines import b01


def signals(device: Device, path: str = "") -> Iterator[tuple[str, Signal[object] | Command[..., object]]]:
    for name, child in device.children():
        below = f"{path}.{name}"
        if isinstance(child, Signal | Command):
            yield below, child
        else:
            yield from signals(child, below)


async def described(device: Device) -> dict[str, list[str]]:
    await device.connect(timeout=20)
    found: dict[str, list[str]] = {}
    for path, child in signals(device):
        found[path] = [type(child).__name__, child.source]
        if isinstance(child, SignalR):
            try:
                (facts,) = (await child.describe()).values()
            except TypeError:  # ophyd-async cannot read a table of FastCS that was never set
                continue
            found[path] += [str(facts["dtype"]), str(facts.get("dtype_numpy")), str(facts.get("choices"))]
    return found


async def main(prefix: str) -> None:
    (factory,) = b01.devices.factories.values()
    walked = Device(name="box", connector=PviDeviceConnector(prefix))
    print(json.dumps([await described(walked), await described(factory())]))


asyncio.run(main(sys.argv[1]))
