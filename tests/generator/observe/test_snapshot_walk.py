"""How a PVI tree is walked: everything at once, and never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from p4p import Type, Value
from p4p.nt import NTScalar, NTTable

from beamwright_generator.basics.source_text import Source
from beamwright_generator.observe import pvi_walk
from beamwright_generator.observe.nt_facts import SCALARS
from beamwright_generator.observe.pvi_walk import LiveBlock, LiveSignal, MissingPart, NoAnswerError, PviWalk
from beamwright_generator.observe.snapshot_text import PviRecording, snapshot_text
from beamwright_generator.parse.yaml import snapshot_file
from beamwright_generator.problems import Problems


def structure(**entries: Mapping[str, str]) -> Value:
    """Make a PVI structure."""
    inner = [(name, ("S", None, [(access, "s") for access in entry])) for name, entry in entries.items()]
    return Value(Type([("value", ("S", None, inner))]), {"value": entries})


class Asked:
    """Answers with what it holds, once as many PVs are asked as it waits for."""

    def __init__(self, served: Mapping[str, Value], wait_for: int = 0) -> None:
        self.served = served
        self.waiting = 0
        self.wait_for = wait_for
        self.enough = asyncio.Event()

    async def get(self, name: str) -> Value:
        if name not in self.served:
            raise NoAnswerError("no answer within 5 s")
        if not name.endswith("PVI"):
            self.waiting += 1
            if self.waiting == self.wait_for:
                self.enough.set()
            await self.enough.wait()
        return self.served[name]


async def test_signals_of_all_blocks_are_asked_at_the_same_time() -> None:
    served = {"A:PVI": structure(b={"d": "B:PVI"}, x={"r": "X"}), "B:PVI": structure(y={"r": "Y", "w": "Z"})}
    served |= {name: Value(NTScalar.buildType("i")) for name in "XYZ"}
    progress: list[tuple[int, int]] = []
    async with asyncio.timeout(30):
        found = await PviWalk(Asked(served, wait_for=3), lambda *counts: progress.append(counts)).block("A:PVI")
    assert isinstance(found, LiveBlock)
    assert [type(entry) for entry in found.walk()] == [LiveBlock, LiveSignal, LiveSignal]
    assert progress[-1] == (2, 2)


async def test_a_server_that_always_has_one_block_more_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pvi_walk, "MOST_BLOCKS", 50)

    class Endless:
        async def get(self, name: str) -> Value:
            return structure(a={"d": f"{name}a"}, b={"d": f"{name}b"})

    async with asyncio.timeout(30):
        found = await PviWalk(Endless()).block("X")
    assert isinstance(found, LiveBlock)
    reasons = {entry.reason for entry in found.walk() if isinstance(entry, MissingPart)}
    assert reasons == {"not read: the tree has more than 50 blocks"}
    assert sum(isinstance(entry, LiveBlock) for entry in found.walk()) == 49


async def test_a_tree_is_recorded_as_deep_as_it_can_be_read_again() -> None:
    inner = ("value", ("S", None, [("down", ("aS", None, [("d", "s")])), ("here", ("S", None, [("r", "s")]))]))

    class Bottomless:
        async def get(self, name: str) -> Value:
            if name == "Table":
                return Value(NTTable.buildType([("a", "ai")]))
            return Value(Type([inner]), {"value": {"down": [{"d": f"{name}a"}], "here": {"r": "Table"}}})

    async with asyncio.timeout(30):
        found = await PviWalk(Bottomless()).block("X")
    assert isinstance(found, LiveBlock)
    assert [entry.reason for entry in found.walk() if isinstance(entry, MissingPart)] == [
        f"not read: it is more than {pvi_walk.DEEPEST} blocks deep"
    ]
    problems = Problems()
    text = snapshot_text(PviRecording("X", found))
    assert snapshot_file.parse_snapshot(Source(Path("x.yaml"), "x.yaml", text), problems) is not None, list(problems)


def test_a_block_that_stands_in_two_places_is_recorded_in_both() -> None:
    served = {
        "A:PVI": structure(first={"d": "B:PVI"}, second={"d": "B:PVI"}),
        "B:PVI": structure(),
    }
    found = asyncio.run(PviWalk(Asked(served)).block("A:PVI"))
    assert isinstance(found, LiveBlock)
    assert PviRecording("A:", found).missing == {}
    assert snapshot_text(PviRecording("A:", found)).count('pvi: "B:PVI"') == 2


def test_types_have_the_names_that_are_read() -> None:
    assert set(SCALARS.values()) == snapshot_file.SCALARS
