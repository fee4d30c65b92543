"""Makes device classes, and connects and reads their signals one by one; a process of its own, as `connecting` is.

Standard input is JSON: `classes`, a list of `[module, class, {parameter: prefix}, attributes]`, and `timeout` in
seconds. Standard output is JSON: for each class either a text that says why it cannot be made, or a list of
`[attribute, kind, datatype, read PV, write PV, outcome]`: null for a signal that connects and reads, a text for one
that does not, and false for one that is not among the attributes.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from ophyd_async.core import Command, Device, SignalR, StaticFilenameProvider, StaticPathProvider, get_enum_cls
from ophyd_async.epics.core._util import format_datatype

from benchmarks.shared.connecting import AT_ONCE, Leaf, leaves

ENTRY = re.compile(r"\.(\d+)(?=\.|$)")
"""An entry of a vector in the name of an attribute, which the audit writes in brackets."""

ROUNDS = 2
"""A signal is refused when it does not connect in as many rounds: machines may be busy."""


def made(module: str, name: str, prefixes: Mapping[str, str]) -> Device:
    """Make a device; parameters beside the prefixes get what nearly every class takes."""
    cls = getattr(importlib.import_module(module), name)
    usual = {"path_provider": StaticPathProvider(StaticFilenameProvider("audit"), Path("/"))}
    arguments: dict[str, Any] = dict(prefixes)
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.name not in arguments and parameter.name in usual:
            arguments[parameter.name] = usual[parameter.name]
    device: Device = cls(**arguments)
    return device


def signals(device: Device) -> Iterator[tuple[str, Leaf]]:
    """Yield the signals and commands of a device, called as the audit calls them."""
    for one in leaves(device, ""):
        yield ENTRY.sub(r"[\1]", one.attribute), one.leaf


def datatype_text(leaf: Leaf) -> str:
    """Name a datatype as its source does."""
    backend: Any = leaf._connector.backend
    datatype = getattr(backend, "datatype", None)
    if datatype is None or isinstance(leaf, Command):
        return ""
    if (enum := get_enum_cls(datatype)) is not None:
        return f"{enum.__name__}: {sorted(member.value for member in enum if isinstance(member, Enum))}"
    return format_datatype(datatype)


def pvs(leaf: Leaf) -> list[str]:
    """Return the PV that is read and the one that is written."""
    backend: Any = leaf._connector.backend
    write = str(getattr(backend, "write_pv", ""))
    read = str(getattr(backend, "read_pv", write))
    return [read.rpartition("://")[2], write.rpartition("://")[2]]


async def outcome(leaf: Leaf, timeout: float) -> str | None:
    """Connect and read; say what goes wrong."""
    said = None
    for _ in range(ROUNDS):
        try:
            await leaf.connect(timeout=timeout, force_reconnect=True)
            if isinstance(leaf, SignalR):
                await asyncio.wait_for(leaf.get_value(), timeout)
        except Exception as error:  # whatever it is, the answer says so
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        else:
            return None
    return said


async def outcomes(asked: Sequence[Leaf], timeout: float) -> dict[int, str | None]:
    """Connect and read many signals, some hundreds at a time."""
    said: dict[int, str | None] = {}
    for start in range(0, len(asked), AT_ONCE):
        batch = asked[start : start + AT_ONCE]
        found = await asyncio.gather(*(outcome(leaf, timeout) for leaf in batch))
        said |= {id(leaf): one for leaf, one in zip(batch, found, strict=True)}
        print(f"{start + len(batch)} of {len(asked)} signals", file=sys.stderr, flush=True)
    return said


async def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    devices: list[list[tuple[str, Leaf]] | str] = []
    asked: list[Leaf] = []
    kept: list[Device] = []
    for module, name, prefixes, attributes in request["classes"]:
        try:
            device = made(module, name, prefixes)
        except Exception as error:  # of code that is not ours
            devices.append(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
            continue
        kept.append(device)
        found = list(signals(device))
        asked += [leaf for attribute, leaf in found if attribute in attributes]
        devices.append(found)
    said = await outcomes(asked, request["timeout"])
    answer = [
        one
        if isinstance(one, str)
        else [[a, type(leaf).__name__, datatype_text(leaf), *pvs(leaf), said.get(id(leaf), False)] for a, leaf in one]
        for one in devices
    ]
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
