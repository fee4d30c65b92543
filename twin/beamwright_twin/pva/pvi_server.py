"""Serves a recorded PVI tree over PVA: every block's PVI structure and every signal's PVs, under the recorded names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from p4p import Type, Value
from p4p.nt.common import alarm, timeStamp
from p4p.server import StaticProvider
from p4p.server.thread import SharedPV

from beamwright_generator.parse.yaml.snapshot_file import RecordedBlock, RecordedEntry, RecordedSides
from beamwright_twin.description.pvi_names import blocks, named, signals
from beamwright_twin.pva.pvi_signal import TreeSignal

UNNAMED = "structure"


class PviTree:
    """The signals of a recorded tree, by their way in it, and the PVs that serve it.

    :param put: called with a signal, p4p's PV and its operation, from any thread, when a client writes.
    :param posting: told when a signal has changed, to have it posted soon.
    :param gone: PVs that are not served.
    """

    def __init__(
        self,
        root: RecordedBlock,
        put: Callable[[TreeSignal, SharedPV, Any], None],
        posting: Callable[[TreeSignal], None],
        gone: Collection[str] = (),
    ) -> None:
        self.signals: dict[str, TreeSignal] = {}
        self._root = root
        self._put = put
        self._posting = posting
        self._gone = frozenset(gone)
        self._collect(root, "")

    def _collect(self, block: RecordedBlock, above: str) -> None:
        for name, entry in named(block):
            if isinstance(entry, RecordedBlock):
                self._collect(entry, f"{above}{name}.")
            elif isinstance(entry, RecordedSides):
                for side, signal in entry.sides.items():
                    self.signals[f"{above}{name}.{side}"] = TreeSignal(f"{above}{name}.{side}", signal)
            else:
                self.signals[f"{above}{name}"] = TreeSignal(f"{above}{name}", entry)

    def serve(self, provider: StaticProvider) -> None:
        """Make the PVs, with the values that the signals have by now."""
        made: dict[str, SharedPV] = {}
        for signal in self.signals.values():
            access = signal.recorded.access
            written = {pv for how, pv in access.items() if how != "r"}
            for pv in dict.fromkeys(access.values()):
                if pv not in made and not signal.recorded.missing:
                    handler = _Handler(signal, self._put) if pv in written else None
                    made[pv] = signal.serve(handler, self._posting)
        for block in blocks(self._root):
            if block.pvi:
                made[block.pvi] = SharedPV(initial=structure(block))
        for name, pv in made.items():
            if name not in self._gone:
                provider.add(name, pv)


class _Handler:
    def __init__(self, signal: TreeSignal, put: Callable[[TreeSignal, SharedPV, Any], None]) -> None:
        self._signal = signal
        self._put = put

    def put(self, pv: SharedPV, operation: Any) -> None:
        self._put(self._signal, pv, operation)


def structure(block: RecordedBlock) -> Value:
    """Make the PVI structure of a block: entries below `value`, members of a vector as `__1`, `__2`.

    A block without a PV of its own is a list of entries there, counted from 0 with holes, as pandablocks-ioc has it.
    """
    entries = {name: _entry(entry) for name, entry in block.entries.items()}
    entries |= {f"__{number}": _entry(entry) for number, entry in block.numbered.items()}
    fields = [(name, _spec(entry)) for name, entry in entries.items()]
    kind = Type(
        [
            ("alarm", alarm),
            ("timeStamp", timeStamp),
            ("display", ("S", None, [("description", "s")])),
            ("value", ("S", UNNAMED, fields)),
        ]
    )
    return Value(kind, {"display": {"description": block.description}, "value": entries})


def _entry(entry: RecordedEntry) -> Any:
    if not isinstance(entry, RecordedBlock):
        return {how: pv for signal in signals(entry) for how, pv in signal.access.items()}
    if entry.pvi:
        return {"d": entry.pvi}
    members = {number: _entry(member) for number, member in entry.numbered.items()}
    return [members.get(number) for number in range(max(members, default=-1) + 1)]


def _spec(entry: Any) -> Any:
    if isinstance(entry, list):
        keys = dict.fromkeys(key for member in entry if member for key in member)
        return ("aS", None, [(key, "s") for key in keys])
    return ("S", UNNAMED, [(key, "s") for key in entry])


def signals_of(signals: Mapping[str, TreeSignal], block: str) -> dict[str, TreeSignal]:
    """Return the signals directly below a block, by their own names."""
    found = {}
    for name, signal in signals.items():
        above, _, own = name.rpartition(".")
        if above == block:
            found[own] = signal
    return found
