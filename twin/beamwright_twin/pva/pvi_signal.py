"""A signal of a recorded PVI tree: its value, the PVs that serve it, and what happens when it is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from p4p.server.thread import SharedPV

from beamwright_generator.parse.yaml.snapshot_file import RecordedSignal
from beamwright_twin.pva.normative_types import NormativeType

PutHandler = Callable[[Any], None]


class TreeSignal:
    """One signal. Everything but `pv` and the handler's own work happens in the thread of the server.

    :param name: the way to it in the tree, such as `seq.1.enable`.
    """

    def __init__(self, name: str, recorded: RecordedSignal) -> None:
        self.name = name
        self.recorded = recorded
        self.nt = NormativeType(recorded)
        self.value: Any = self.nt.first()
        self.pvs: list[SharedPV] = []
        self.dirty = False
        self.hold = 0.0
        """Real seconds for which clients see that it is set, however soon it falls."""
        self.due = 0.0
        """When its value may be posted, in the system's monotonic time."""
        self._handlers: list[PutHandler] = []
        self._followers: list[Callable[[], None]] = []
        self._posting: Callable[[TreeSignal], None] = lambda signal: None

    def serve(self, handler: object, posting: Callable[[TreeSignal], None]) -> SharedPV:
        """Make a PV of this signal.

        :param handler: what clients' writes are handed to; None where it is only read.
        :param posting: told when the value has changed, to have it posted soon.
        """
        self._posting = posting
        pv = SharedPV(handler=handler, initial=self.nt.whole(self.value))
        self.pvs.append(pv)
        return pv

    @property
    def commands(self) -> bool:
        """Whether the signal is only executed."""
        return set(self.recorded.access) == {"x"}

    def on_put(self, call: PutHandler) -> None:
        """Call a function with each value that a client writes, before it is set; a ValueError refuses it."""
        self._handlers.append(call)

    def follow(self, call: Callable[[], None]) -> None:
        """Call a function after each change, whoever made it."""
        self._followers.append(call)

    def write(self, value: Any) -> None:
        """Take a value that a client wrote.

        :raises ValueError: when it is refused.
        """
        for call in self._handlers:
            call(value)
        if self.commands and self.nt.kind == "bool":
            return
        self.set(value)

    def set(self, value: Any) -> None:
        """Change the value; readback and setpoint say so."""
        self.value = value
        for call in self._followers:
            call()
        self.dirty = True
        # What is set is told at once; everything else waits for the end of the step.
        if value is True:
            self.post()
            self.due = time.monotonic() + self.hold
        else:
            self._posting(self)

    def post(self) -> None:
        """Send the value to the clients."""
        if self.dirty:
            self.dirty = False
            for pv in self.pvs:
                pv.post(self.nt.changed(self.value))
