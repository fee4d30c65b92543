"""Connect the devices of x01 to the servers of this process's environment; print each signal that reads as a JSON line.

Motors are left out, because EPICS base has no motor record to serve, and the PandA, which has a server of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

from aioca import purge_channel_caches
from ophyd_async.core import Device, SignalR, StaticFilenameProvider, StaticPathProvider, wait_for_connection

from beamwright_generated.beamlines import x01
from beamwright_runtime import Motor, Panda


def signals(device: Device) -> Iterator[SignalR[object]]:
    for _, child in device.children():
        if isinstance(child, SignalR):
            yield child
        yield from signals(child)


async def main() -> None:
    provider = StaticPathProvider(StaticFilenameProvider("frames"), Path("/data"))
    x01.devices.fixtures["path_provider"] = provider
    devices = [factory() for factory in x01.devices if factory.name != "slits"]
    served = [device for device in devices if not isinstance(device, Motor | Panda)]
    await wait_for_connection(**{device.name: device.connect(timeout=30) for device in served})
    for device in served:
        for signal in signals(device):
            (key,) = (await signal.describe()).values()
            value = await signal.get_value()
            print(json.dumps([device.name, signal.name, key["source"], type(value).__name__]))
    purge_channel_caches()


asyncio.run(main())
