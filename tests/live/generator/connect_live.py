"""Connect devices of a beamline module and read all of their signals; print what each is on and gave, as JSON.

Standard input is JSON: `module`, and `devices`, the names of its factories. What is printed is
`[device, attribute, kind of signal, datatype, PVs, type of the value]` for each, and a text in place of the last where
it could not be read. A process of its own, because CA reads once per process where to search.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from ophyd_async.core import Device, SignalR

from benchmarks.shared.connecting import Found, leaves, made


async def connected(device: Device) -> str:
    """Connect a whole device, as a plan would; give what stands against it."""
    try:
        await device.connect(timeout=20)
    except Exception as error:  # of whatever kind it is, the test shows it
        return f"{device.name}: {error}"
    return ""


async def described(found: Found) -> tuple[Any, ...]:
    leaf = found.leaf
    datatype = getattr(leaf, "datatype", None)
    shown = getattr(datatype, "__name__", str(datatype)) if datatype is not None else ""
    about = (found.device, found.attribute, type(leaf).__name__, shown, found.pvs)
    if not isinstance(leaf, SignalR):
        return *about, ""
    try:
        return *about, type(await leaf.get_value()).__name__
    except Exception as error:
        return *about, f"{type(error).__name__}: {error}"


async def main() -> None:
    request = json.load(sys.stdin)
    devices = made(request["module"], request["devices"])
    against = await asyncio.gather(*(connected(device) for device in devices.values()))
    found = [one for name, device in devices.items() for one in leaves(device, name)]
    answer = {"against": [text for text in against if text], "found": [await described(one) for one in found]}
    json.dump(answer, sys.stdout)


asyncio.run(main())
