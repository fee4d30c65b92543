"""PVI trees served by p4p, with what no well-behaved server has; one process serves them all.

With an argument, the process dies, as in a crash, when a client asks for the PV of that name.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from child import announce, until_told
from p4p import Type, Value
from p4p.nt import NTURI, NTEnum, NTNDArray, NTScalar, NTTable
from p4p.server import DynamicProvider, Server
from p4p.server.asyncio import SharedPV

BLOCKS, SIGNALS = 20, 100
"""The size of the tree `BIG:`, which has as many entries as a large box."""

SLOW, STEP = 5, 0.6
"""How many signals the tree `SLOW:` has, and how many seconds pass before each can be found."""


def structure(entries: Mapping[str, Any], field: str = "value", description: str = "") -> Value:
    """Make a PVI structure."""
    display = ("display", ("S", None, [("description", "s")]))
    return Value(
        Type([(field, ("S", None, [(name, code_of(entry)) for name, entry in entries.items()])), display]),
        {field: entries, "display.description": description},
    )


def code_of(entry: Any) -> Any:
    match entry:
        case str():
            return "s"
        case int():
            return "i"
        case list():
            return ("aS", *code_of(entry[-1])[1:])
        case _:
            return ("S", None, [(name, code_of(inner)) for name, inner in entry.items()])


def scalar(code: str, **display: Any) -> Value:
    shown = {f"display.{name}": value for name, value in display.items()}
    return Value(NTScalar.buildType(code, display=True, form=True), shown)


def legacy() -> dict[str, Value]:
    """Lists with holes, as pandablocks-ioc serves them, here of signals too."""
    return {
        "LEGACY:PVI": structure(
            {
                "counter": [None, {"d": "LEGACY:COUNTER1:PVI"}, {"d": "LEGACY:COUNTER2:PVI"}],
                "ttlout": [None, None, {"rw": "LEGACY:TTLOUT2:VAL"}],
            },
            description="A box of blocks",
        ),
        "LEGACY:COUNTER1:PVI": structure({"out": {"r": "LEGACY:COUNTER1:OUT"}}, description="First counter"),
        "LEGACY:COUNTER2:PVI": structure({}),
        "LEGACY:COUNTER1:OUT": scalar("I", description="Its count", units="counts"),
        "LEGACY:TTLOUT2:VAL": Value(NTEnum.buildType(), {"value.choices": ["ZERO", "ONE"]}),
    }


def kinds() -> dict[str, Value]:
    """One signal of every type."""
    served = {f"scalar_{number}": scalar(code) for number, code in enumerate("?bBhHiIlLfds")}
    served |= {f"array_{number}": scalar(f"a{code}") for number, code in enumerate("?bBhHiIlLfds")}
    served |= {
        "choice": Value(NTEnum.buildType(display=True), {"value.choices": ["on", "1", "a: b", "", "#"]}),
        "picture": Value(NTNDArray.buildType()),
        "request": Value(NTURI([("a", "d")]).type),
        "plain": Value(Type([("value", "d")])),
        "any": Value(Type([("value", "v")], id="epics:nt/NTScalar:1.0")),
        "odd_columns": Value(Type([("value", ("S", None, [("a", "d"), ("b", "ad")]))], id="epics:nt/NTTable:1.0")),
        "table": Value(NTTable.buildType([("yes", "a?"), ("text", "as"), ("number", "aH")])),
    }
    entries = {name: {"r": f"KINDS:{name}"} for name in served}
    return {"KINDS:PVI": structure(entries)} | {f"KINDS:{name}": value for name, value in served.items()}


def odd() -> dict[str, Value]:
    """A tree with holes, cycles, things that are no entries, and names that Python has its own use for."""
    return {
        "ODD:PVI": structure(
            {
                "class": {"rw": "ODD:Class"},
                "y": {"r": "ODD:Y"},
                "__3": {"d": "ODD:3:PVI"},
                "__1": {"d": "ODD:1:PVI"},
                "gone": {"d": "ODD:Gone:PVI"},
                "absent": {"r": "ODD:Absent"},
                "both": {"r": "ODD:Class", "w": "ODD:Y"},
                "all": {"w": "ODD:Class", "r": "ODD:Class", "x": "ODD:Class"},
                "number": {"r": 5},
                "text": "ODD:Class",
                "mixed": {"d": "ODD:1:PVI", "r": "ODD:Y"},
                "empty": {"r": ""},
                "signal": {"d": "ODD:Y"},
            }
        ),
        "ODD:1:PVI": structure({"parent": {"d": "ODD:PVI"}, "self": {"d": "ODD:1:PVI"}, "y": {"r": "ODD:Y"}}),
        "ODD:3:PVI": structure({"Level": {"r": "ODD:Y"}}, "pvi"),
        "ODD:Class": scalar("d", description='  \u00b5: a "class" # of its own\n', precision=2, units="%"),
        "ODD:Y": scalar("i"),
    }


def big() -> dict[str, Value]:
    """Many signals, as many as the largest PandAs have."""
    served = {"BIG:PVI": structure({f"block{number}": {"d": f"BIG:{number}:PVI"} for number in range(BLOCKS)})}
    for number in range(BLOCKS):
        entries = {f"signal{one}": {"rw": f"BIG:{number}:{one}"} for one in range(SIGNALS)}
        served[f"BIG:{number}:PVI"] = structure(entries)
        served |= {f"BIG:{number}:{one}": scalar("d", units="mm", precision=3) for one in range(SIGNALS)}
    return served


def slow() -> dict[str, Value]:
    """Signals that come one after another, once the tree is asked for; see `Trees`."""
    entries = {f"signal{number}": {"r": f"SLOW:{number}"} for number in range(SLOW)}
    return {"SLOW:PVI": structure(entries)} | {entry["r"]: scalar("i") for entry in entries.values()}


class Trees:
    """Opens a channel for every PV of the trees, and dies at one of them."""

    def __init__(self, deadly: str) -> None:
        trees = {"SCALAR:PVI": scalar("i")} | legacy() | kinds() | odd() | big()
        self._served = {name: SharedPV(initial=value) for name, value in trees.items()}
        self._late = {name: value for name, value in slow().items() if name != "SLOW:PVI"}
        self._served |= {"SLOW:PVI": SharedPV(initial=slow()["SLOW:PVI"])} | {name: SharedPV() for name in self._late}
        self._loop = asyncio.get_running_loop()
        self._deadly = deadly

    def testChannel(self, name: str) -> bool:  # noqa: N802 - p4p's name
        return name in self._served

    def makeChannel(self, name: str, peer: str) -> SharedPV:  # noqa: N802 - p4p's name
        if name == self._deadly:
            os._exit(1)
        if name == "SLOW:PVI":
            asyncio.run_coroutine_threadsafe(self._open(), self._loop)
        return self._served[name]

    async def _open(self) -> None:
        while self._late:
            await asyncio.sleep(STEP)
            name = next(iter(self._late))
            self._served[name].open(self._late.pop(name))


async def serve(deadly: str) -> None:
    provider = DynamicProvider("trees", Trees(deadly))  # kept here: a server does not keep what it serves
    with Server(providers=[provider]):
        announce()
        await until_told()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:] or [""]))
