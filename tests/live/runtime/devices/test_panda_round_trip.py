"""What is served is recorded, generated, and connects: the same signals at each step, whoever serves the tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.helpers.pvi_servers.generated_box import generate_box, qsrv_box, run_python
from tests.helpers.pvi_servers.served import Served

CONNECT = """
import asyncio, json
from ophyd_async.core import Command, Device, SignalR, StaticFilenameProvider, StaticPathProvider
from beamwright_generated.beamlines import b01

def below(device):
    for name, child in device.children():
        if isinstance(child, (SignalR, Command)) or not list(child.children()):
            yield child
        else:
            yield from below(child)

async def main():
    b01.devices.fixtures["path_provider"] = StaticPathProvider(StaticFilenameProvider("f"), ".")
    (factory,) = b01.devices.factories.values()
    box = factory()
    await box.connect(timeout=20)
    signals = list(below(box))
    for signal in signals:
        if isinstance(signal, SignalR):
            await signal.get_value()
    print(json.dumps(sorted(signal.source for signal in signals)))

asyncio.run(main())
"""


@pytest.fixture(params=["fastcs", "example", "qsrv", "formatter", "legacy"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The prefix of a tree, and the variables by which clients find its server."""
    match request.param:
        case "fastcs":
            prefix, server = "PANDA:", Served("fastcs_panda.py", "PANDA")
        case "example":
            prefix, server = "BOX:", Served("example_box.py", "BOX:", "same")
        case "legacy":
            prefix, server = "LEGACY:", Served("p4p_trees.py")
        case name:
            prefix, file = ("QSRV:", "pandablocks.db") if name == "qsrv" else ("FORMATTER:", "formatter.db")
            server = qsrv_box(file, prefix)
    with server:
        yield prefix, server.environment


def test_signals_of_the_tree_are_typed_and_connect(served: tuple[str, Mapping[str, str]], tmp_path: Path) -> None:
    prefix, environment = served
    generate_box(tmp_path, environment, prefix)
    sources = json.loads(run_python(tmp_path, environment, "-W", "error", "-c", CONNECT))
    assert sources == sorted(f"pva://{pv}" for pv in recorded(YAML(typ="safe").load(tmp_path / "box.yaml")))
    assert len(sources) > 1


def recorded(entry: Any) -> Iterator[str]:
    """Give the PV that each signal of a recorded tree reads, or writes where it is only written."""
    for child in (*entry.get("tree", {}).values(), *entry.get("vector", {}).values()):
        if "type" in child:
            yield child.get("r") or child.get("rw") or child.get("x") or child["w"]
        elif {"r", "w"} <= child.keys():  # they serve different things: two signals
            yield from (child["r"]["pv"], child["w"]["pv"])
        else:
            yield from recorded(child)
