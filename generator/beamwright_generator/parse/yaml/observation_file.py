"""Recorded observations: what the running IOCs of a beamline serve, as `gen observe` writes it, each with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.yaml.nodes import Nodes
from beamwright_generator.problems import Problems

VERSION: Final = "1"
"""The version of the format that is read."""

ENUM: Final = "enum"
"""The type of a fact that has choices."""

MISSING: Final = "missing"
"""The type of a fact about a PV that its IOC does not serve."""

_HINT: Final = "record them again with `gen observe`; docs/observing.md shows the format"
_FILE_KEYS: Final = frozenset({"observations", "beamline", "iocs"})
_IOC_KEYS: Final = frozenset({"seen", "devices"})
_DEVICE_KEYS: Final = frozenset({"transport", "records", "extra"})
_TYPE: Final = re.compile(r"(\w+)(\[(\d*)\])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fact:
    """What was served under one name.

    :param type: a CA type (`DOUBLE`), a PVA type (`float64`), `enum`, `missing`, or the id of another PVA structure.
    :param size: elements of an array, 0 when the transport does not tell; None for one value.
    :param choices: of an `enum`, in the order of the server; it may have none.
    """

    type: str
    size: int | None = None
    choices: tuple[str, ...] = ()
    at: Position | None = field(default=None, compare=False)

    @property
    def missing(self) -> bool:
        """Whether the IOC answered and this name did not."""
        return self.type == MISSING

    def __str__(self) -> str:
        if self.type == ENUM and self.size is None:
            return ", ".join(choice or "(blank)" for choice in self.choices) or "no choices"
        return self.type if self.size is None else f"{self.type}[{self.size or ''}]"


@dataclass(frozen=True, slots=True)
class ObservedDevice:
    """Facts about one device.

    :param records: by the name after the device prefix, in the order of the description.
    :param extra: names that are served and that no description has.
    """

    transport: Transport
    records: Mapping[str, Fact]
    extra: Mapping[str, Fact]
    at: Position | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ObservedIoc:
    """Facts about one IOC.

    :param seen: it answered in the latest run; otherwise the facts are older.
    :param devices: by their PV prefix.
    """

    seen: bool
    devices: Mapping[str, ObservedDevice]
    at: Position | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Observations:
    """One file: the IOCs of a beamline by name."""

    beamline: str
    iocs: Mapping[str, ObservedIoc]

    def device(self, ioc: str, prefix: str, transport: Transport) -> ObservedDevice | None:
        """Return the facts about a device, unless there are none for this transport."""
        found = self.iocs[ioc].devices.get(prefix) if ioc in self.iocs else None
        return found if found is not None and found.transport is transport else None

    def fact(self, ioc: str, prefix: str, transport: Transport, leaf: str) -> Fact | None:
        """Return the fact about one record of a device."""
        device = self.device(ioc, prefix, transport)
        return device.records.get(leaf) if device is not None else None


def parse_observations(source: Source, problems: Problems) -> Observations | None:
    """Read an observations file; everything wrong with it is reported with its line."""
    before = problems.errors
    nodes = Nodes(source, problems, "observations-invalid", _HINT)
    document = nodes.document()
    if document is None:
        return None
    parts = nodes.mapping(document, "an observations file")
    version = nodes.text(parts.get("observations"))
    if version != VERSION:
        said = f"has version {version}" if version else "says no version"
        nodes.wrong(nodes.at(parts.get("observations", document)), f"`observations` {said}, {VERSION} is read")
        return None
    nodes.known(parts, _FILE_KEYS)
    iocs = {name: _ioc(nodes, node) for name, node in nodes.optional(parts, "iocs").items()}
    return Observations(nodes.text(parts.get("beamline")), iocs) if problems.errors == before else None


def _ioc(nodes: Nodes, node: Node) -> ObservedIoc:
    parts = nodes.mapping(node, "an IOC")
    nodes.known(parts, _IOC_KEYS)
    seen = nodes.text(parts["seen"]) if "seen" in parts else "true"
    if seen not in ("true", "false"):
        nodes.wrong(nodes.at(parts["seen"]), "`seen` is true or false")
    devices = {prefix: _device(nodes, below) for prefix, below in nodes.optional(parts, "devices").items()}
    return ObservedIoc(seen == "true", devices, nodes.at(node))


def _device(nodes: Nodes, node: Node) -> ObservedDevice:
    parts = nodes.mapping(node, "a device")
    nodes.known(parts, _DEVICE_KEYS)
    named = nodes.text(parts["transport"]) if "transport" in parts else Transport.CA.value
    if named not in tuple(Transport):
        nodes.wrong(nodes.at(parts["transport"]), f"`transport` is {' or '.join(Transport)}")
        named = Transport.CA.value
    records, extra = (
        {leaf: _fact(nodes, leaf, below) for leaf, below in nodes.optional(parts, key).items()}
        for key in ("records", "extra")
    )
    return ObservedDevice(Transport(named), records, extra, nodes.at(node))


def _fact(nodes: Nodes, leaf: str, node: Node) -> Fact:
    at = nodes.at(node)
    if isinstance(node, SequenceNode):
        return Fact(ENUM, None, nodes.texts(node), at)
    text = nodes.text(node)
    found = _TYPE.fullmatch(text)
    if found is None:
        if not text and isinstance(node, ScalarNode):
            nodes.wrong(at, f"{leaf} has neither a type nor choices")
        return Fact(text, None, (), at)
    return Fact(found[1], int(found[3] or 0) if found[2] else None, (), at)
