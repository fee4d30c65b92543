"""The text of a beamline module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from beamwright_generator.basics.grammar import counted
from beamwright_generator.model import (
    BeamlineModule,
    ConnectionPolicy,
    Detector,
    Device,
    DevicePart,
    Group,
    NumberedDevices,
    PlacedDevice,
)
from beamwright_generator.render.jinja import CORE, RUNTIME, fill
from beamwright_generator.render.python_text import Imports, comment, docstring, literal, sentence


def render_beamline(beamline: BeamlineModule, package: str) -> str:
    """Return the text of a beamline module in a generated package."""
    imports = Imports(f"{package}.beamlines.{beamline.name}", _late_modules(beamline))
    imports.name(RUNTIME, "Beamline")
    composites = [_composite(device, imports) for device in beamline.devices if isinstance(device, Detector | Group)]
    placed = [_placed(device, imports) for device in beamline.devices]
    count = len(beamline.devices)
    summary = (
        f"Beamline {beamline.name}{f' ({beamline.title})' if beamline.title else ''}: "
        f"{counted(count, 'device')} from {counted(beamline.ioc_count, 'IOC')}."
    )
    late = sorted(imports.late.items(), key=itemgetter(1))
    told = ", ".join(f"{literal(name)}: {literal(module)}" for name, module in late)
    names = ["devices", *(c["class_name"] for c in composites), *(d.place.name for d in beamline.devices)]
    return fill(
        "beamline.py.j2",
        name=beamline.name,
        source=comment(beamline.source),
        doc=docstring(summary),
        composites=composites,
        placed=placed,
        exports=sorted(literal(name) for name in names),
        imports=imports.lines(),
        late=late,
        arguments=", ".join([literal(beamline.name), *([f"late={{{told}}}"] if late else [])]),
    )


def _late_modules(beamline: BeamlineModule) -> frozenset[str]:
    """Leave out what a class of the beamline module uses: nobody imports anything before its devices are made."""
    composites = (device for device in beamline.devices if isinstance(device, Detector | Group))
    return beamline.slow - {part.type.module for composite in composites for part in composite.parts}


def _arguments(values: Iterable[tuple[str, str]]) -> str:
    return "".join(f", {name}={literal(value)}" for name, value in values)


def _call(part: DevicePart | Device, imports: Imports, more: str = "") -> str:
    return f"{imports.ref(part.type)}({literal(part.prefix)}{more}{_arguments(part.arguments)})"


def _assigned(part: DevicePart, imports: Imports) -> dict[str, str]:
    return {"attribute": part.attribute, "value": _call(part, imports)}


def _composite(placed: Detector | Group, imports: Imports) -> dict[str, Any]:
    if isinstance(placed, Group):
        return {
            "class_name": placed.class_name,
            "base": imports.name(CORE, "StandardReadable"),
            "doc": docstring(sentence(placed.place.doc)),
            "writes": False,
            "readables": [_assigned(part, imports) for part in placed.parts if part.readable],
            "parts": [_assigned(part, imports) for part in placed.parts if not part.readable],
            "arguments": "name=name",
        }
    parts = [*([placed.writer] if placed.writer else []), *placed.plugins]
    arguments = [_call(placed.driver, imports)]
    if placed.writer:
        imports.name(CORE, "PathProvider")
        arguments += [f"writer=self.{placed.writer.attribute}", "path_provider=path_provider"]
    return {
        "class_name": placed.class_name,
        "base": f"{imports.name(RUNTIME, 'AreaDetector')}[{imports.ref(placed.driver.type)}]",
        "doc": docstring(sentence(placed.place.doc)),
        "writes": placed.writer is not None,
        "readables": [],
        "parts": [_assigned(part, imports) for part in parts],
        "arguments": ", ".join([*arguments, "name=name"]),
    }


def _placed(placed: PlacedDevice, imports: Imports) -> dict[str, str]:
    place = placed.place
    writes = placed.writes if isinstance(placed, Device) else isinstance(placed, Detector) and placed.writer is not None
    if isinstance(placed, Device):
        typed, value = imports.ref(placed.type), _call(placed, imports, ", path_provider" if writes else "")
    elif isinstance(placed, NumberedDevices):
        vector = imports.name(CORE, "DeviceVector")
        typed = f"{vector}[{imports.ref(placed.type)}]"
        prefix = literal(placed.prefix)
        made = (f"{n}: {imports.ref(placed.type)}({prefix}{_arguments(values)})" for n, values in placed.entries)
        value = f"{vector}({{{', '.join(made)}}})"
    else:
        typed, value = placed.class_name, f"{placed.class_name}({'path_provider' if writes else ''})"
    return {
        "name": place.name,
        "options": _options(placed, imports),
        "parameters": f"path_provider: {imports.name(CORE, 'PathProvider')}" if writes else "",
        "type": typed,
        "doc": docstring(
            sentence(f"{placed.place.doc} ({placed.place.ioc})" if placed.place.ioc else placed.place.doc)
        ),
        "value": value,
    }


def _options(placed: PlacedDevice, imports: Imports) -> str:
    options: Mapping[str, str] = {
        "policy": f"{imports.name(RUNTIME, 'Policy')}.{ConnectionPolicy(placed.place.policy).name}",
        **({"optional": "True"} if placed.place.optional else {}),
        **({"timeout": repr(placed.place.timeout)} if placed.place.timeout is not None else {}),
        **({"ioc": literal(placed.place.ioc)} if placed.place.ioc else {}),
    }
    return ", ".join(f"{name}={value}" for name, value in options.items())
