"""The README of the generated package: a section for each beamline, with a picture of it as a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from beamwright_generator.basics.grammar import counted
from beamwright_generator.model import BeamlineModule, Detector, Group, PlacedDevice
from beamwright_generator.render.jinja import fill

README: Final = "README.md"
_MOST_DEVICES: Final = 12
"""Devices of one IOC that are drawn, detectors before others: a picture of thousands shows nothing."""

_SECTION: Final = re.compile(
    r"^<!-- beamline (?P<name>\w+) -->\n.*?^<!-- end of (?P=name) -->\n", re.MULTILINE | re.DOTALL
)
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 _.:/()\[\],+-]")


def render_readme(sections: Mapping[str, str]) -> str:
    """Return the README with the sections of all beamlines, sorted by name."""
    return fill("readme.md.j2", sections=[sections[name].rstrip() for name in sorted(sections)])


def sections_of(readme: str) -> dict[str, str]:
    """Find the section of each beamline in a README."""
    return {found["name"]: found[0] for found in _SECTION.finditer(readme)}


def render_section(beamline: BeamlineModule) -> str:
    """Return the section of one beamline."""
    by_ioc: dict[str, list[PlacedDevice]] = {}
    for placed in beamline.devices:
        by_ioc.setdefault(placed.place.ioc, []).append(placed)
    iocs = [_ioc(f"ioc{number}", name, devices) for number, (name, devices) in enumerate(by_ioc.items(), start=1)]
    return fill(
        "picture.md.j2",
        name=beamline.name,
        summary=f"{counted(len(beamline.devices), 'device')} from {counted(beamline.ioc_count, 'IOC')}.",
        iocs=iocs,
        frames=[way for ioc in iocs for way in ioc["frames"]],
    )


def _ioc(own: str, name: str, devices: Sequence[PlacedDevice]) -> dict[str, Any]:
    drawn = sorted(devices, key=lambda device: not isinstance(device, Detector))[:_MOST_DEVICES]
    detectors = [device for device in drawn if isinstance(device, Detector)]
    return {
        "id": own,
        "label": _label(name),
        "devices": [
            {"id": f"{own}_{device.place.name}", "label": _named(device)}
            for device in drawn
            if not isinstance(device, Detector)
        ],
        "detectors": [_detector(f"{own}_{detector.place.name}", detector) for detector in detectors],
        "more": len(devices) - len(drawn),
        "frames": [
            (f"{own}_{detector.place.name}_{start}", f"{own}_{detector.place.name}_{end}")
            for detector in detectors
            for start, end in detector.frames
        ],
    }


def _named(device: PlacedDevice) -> str:
    kind = device.class_name if isinstance(device, Detector | Group) else device.type.name
    return _two_lines(device.place.name, kind)


def _detector(own: str, detector: Detector) -> dict[str, Any]:
    return {
        "id": own,
        "label": _label(detector.place.name),
        "parts": [
            {"id": f"{own}_{part.attribute}", "label": _two_lines(part.attribute, part.type.name)}
            for part in detector.parts
        ],
    }


def _two_lines(first: str, second: str) -> str:
    return f"{_label(first)}<br>{_label(second)}"


def _label(text: str) -> str:
    """Write a text for a quoted Mermaid label: everything that could mean more than itself as its number."""
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text)
