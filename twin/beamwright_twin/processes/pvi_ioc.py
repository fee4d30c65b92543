"""The process that serves the recorded PVI trees of one IOC: PandAs behave, the others echo what is written."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Final

from p4p.server import Server, StaticProvider
from p4p.server.thread import SharedPV

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.yaml.snapshot_file import parse_snapshot
from beamwright_generator.problems import Problems
from beamwright_twin.description.wiring import Wire
from beamwright_twin.panda.panda_box import PandaBox, is_panda
from beamwright_twin.processes.child_process import Parent, serve
from beamwright_twin.pva.pvi_server import PviTree
from beamwright_twin.pva.pvi_signal import TreeSignal
from beamwright_twin.sim.axis_motion import Trajectory
from beamwright_twin.sim.clock import Clock

LAG: Final = 0.03
"""Real seconds after which a motion that has begun is known here; so far back a box works while something runs."""

STEP: Final = 0.01
"""Real seconds from one look at a box that works to the next."""

SHOWN: Final = 0.1
"""Real seconds from one readback of a moving encoder to the next."""

Work = Callable[[], None]


class ServedTree:
    """One recorded tree, and the box that plays it if it is a PandA's."""

    def __init__(self, source: Source, gone: Sequence[str], ioc: PviIoc) -> None:
        snapshot = parse_snapshot(source, Problems())
        if snapshot is None:
            raise ValueError(f"{source.name} is not a snapshot")
        self.prefix = snapshot.prefix
        self.tree = PviTree(snapshot.root, self._put, ioc.changed, gone)
        self.panda = PandaBox(self.tree.signals) if is_panda(self.tree.signals) else None
        self._ioc = ioc

    def write(self, signal: TreeSignal, value: Any, done: Callable[[str | None], None]) -> None:
        """Write a value after those that were requested before.

        :param done: called with what is wrong, or with None.
        """

        def work() -> None:
            try:
                signal.write(value)
            except (ValueError, TypeError, OSError) as error:
                done(str(error))
            else:
                done(None)

        self._ioc.do(self.panda, work)

    def _put(self, signal: TreeSignal, pv: SharedPV, operation: Any) -> None:
        try:
            value = signal.nt.read(operation.value(), signal.value)
        except (ValueError, TypeError, KeyError) as error:
            operation.done(error=str(error))
            return
        self.write(signal, value, lambda wrong: operation.done(error=wrong) if wrong else operation.done())


class PviIoc:
    """The trees of one IOC in this process.

    :param config: what `ioc_process.IocProcess` sends first.
    :param parent: where triggers of cameras go.
    """

    def __init__(self, config: Mapping[str, Any], parent: Parent) -> None:
        self._parent = parent
        self._clock = Clock(config["epoch"], config["speed"])
        self._news = threading.Condition()
        self._inbox: list[tuple[float, PandaBox | None, Work]] = []
        self._dirty: dict[TreeSignal, None] = {}
        self._shown = 0.0
        self._stale = False
        provider = StaticProvider("trees")
        self._trees = [
            ServedTree(Source(Path(name), name, text), config["gone"], self) for name, text in config["trees"]
        ]
        self._pandas = [tree.panda for tree in self._trees if tree.panda is not None]
        for given in config["wires"]:
            self._connect(given)
        for tree in self._trees:
            tree.tree.serve(provider)
        self._server = Server(providers=[provider])
        threading.Thread(target=self._run, name="boxes", daemon=True).start()

    def changed(self, signal: TreeSignal) -> None:
        """Post a signal at the end of this step."""
        self._dirty[signal] = None

    def do(self, panda: PandaBox | None, work: Work) -> None:
        """Call a function in the thread of the boxes, in the order of the requests; from any thread."""
        with self._news:
            self._inbox.append((self._clock.now(), panda, work))
            self._news.notify()

    # -- orders

    def execute(self, what: str, given: Sequence[Any]) -> Any:
        """Execute an order and return its answer."""
        match what:
            case "get":
                return _as_json(self._signal(given[0])[1].value)
            case "put":
                return self._write(*given)
            case "move":
                motor, segments = given
                for panda in self._pandas:
                    self.do(None, partial(panda.move, motor, Trajectory.of(segments)))
                return None
            case "wire":
                return self._in_turn(partial(self._connect, given[0]))
            case "late":
                return sum(panda.late for panda in self._pandas)
        raise ValueError(f"a PVI server does not know {what}")

    def _signal(self, pv: str) -> tuple[ServedTree, TreeSignal]:
        for tree in self._trees:
            for signal in tree.tree.signals.values():
                if pv in signal.recorded.access.values():
                    return tree, signal
        raise LookupError(f"no tree has {pv}")

    def _write(self, pv: str, value: Any) -> None:
        """Write as a client does; what clients only read is changed as hardware would."""
        tree, signal = self._signal(pv)
        if set(signal.recorded.access) == {"r"}:
            return self._in_turn(partial(signal.set, value))
        return self._in_turn(partial(signal.write, value), tree.panda)

    def _in_turn(self, work: Work, panda: PandaBox | None = None) -> None:
        """Call a function in the thread of the boxes, and wait for its result."""
        result = Future[None]()

        def run() -> None:
            try:
                work()
            except (ValueError, TypeError, OSError) as error:
                result.set_exception(ValueError(str(error)))
            else:
                result.set_result(None)

        self.do(panda, run)
        return result.result()

    def _connect(self, given: Mapping[str, Any]) -> None:
        wire = Wire(**given)
        panda = next((tree.panda for tree in self._trees if tree.prefix == wire.prefix), None)
        if panda is None:
            raise ValueError(f"{wire.prefix} is not a PandA: only PandAs have wires")
        panda.connect(wire)

    # -- the boxes' thread

    def _run(self) -> None:
        while True:
            with self._news:
                if not self._inbox:
                    self._news.wait(self._pause())
                inbox, self._inbox = self._inbox, []
            try:
                self._step(inbox)
            except Exception as error:
                sys.stderr.write(f"boxes: {error!r}\n")

    def _pause(self) -> float | None:
        """Return the real seconds until the next event of the boxes."""
        if self._dirty or any(panda.busy for panda in self._pandas):
            return STEP
        now = self._clock.now()
        return SHOWN if self._stale or any(panda.moving(now) for panda in self._pandas) else None

    def _step(self, inbox: Sequence[tuple[float, PandaBox | None, Work]]) -> None:
        for asked, panda, work in inbox:
            if panda is None:
                work()
            else:
                panda.write(asked, work)
        self._stale = self._stale or bool(inbox)
        now = self._clock.now()
        for panda in self._pandas:
            panda.run(now, LAG * self._clock.speed)
            for camera, times in panda.triggers.items():
                self._parent.publish("trigger", camera, times)
            panda.triggers.clear()
        if time.monotonic() - self._shown >= SHOWN:
            self._shown, self._stale = time.monotonic(), False
            for panda in self._pandas:
                panda.show(now)
        for signal in [signal for signal in self._dirty if signal.due <= time.monotonic()]:
            del self._dirty[signal]
            signal.post()


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_json(column) for name, column in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


if __name__ == "__main__":
    serve(lambda config, parent: PviIoc(config, parent).execute)
