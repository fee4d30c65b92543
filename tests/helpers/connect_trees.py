"""Import every generated module of a folder, make all devices and connect them in mock mode; print how many of each."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType

from ophyd_async.core import Device, StaticFilenameProvider, StaticPathProvider

from beamwright_runtime import Beamline


def modules(folder: Path) -> list[ModuleType]:
    """Import them all; end with every one that cannot be imported, and why."""
    imported, faults = [], []
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        try:
            imported.append(importlib.import_module(name))
        except Exception as error:  # of whatever kind it is, the module is dead
            faults.append(f"{name}: {type(error).__name__}: {error}")
    if faults:
        sys.exit("\n".join(faults))
    return imported


def made_alone(module: ModuleType) -> list[Device]:
    """Make every device class that a module defines, macros in its record names filled with a number."""
    made = []
    for name in getattr(module, "__all__", ()):
        kind = getattr(module, name)
        if inspect.isclass(kind) and issubclass(kind, Device) and module.__name__.split(".")[-2] == "devices":
            parameters = inspect.signature(kind).parameters.values()
            macros = {p.name: "1" for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty}
            made.append(kind("DEMO:", name=name.lower(), **macros))
    return made


def placed(module: ModuleType) -> list[Device]:
    beamline = getattr(module, "devices", None)
    if not isinstance(beamline, Beamline):
        return []
    beamline.fixtures["path_provider"] = StaticPathProvider(StaticFilenameProvider("demo"), Path("/data"))
    return [factory() for factory in beamline]


async def main(folder: Path) -> None:
    sys.path.insert(0, str(folder))
    found = modules(folder)
    devices = [device for module in found for device in (*made_alone(module), *placed(module))]
    await asyncio.gather(*(device.connect(mock=True) for device in devices))
    print(len(devices), "devices connected of", len(found), "modules")


asyncio.run(main(Path(sys.argv[1])))
