"""A PMAC over PVA: trajectories, direct moves and motor records of axes that follow them in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from p4p.nt import NTEnum, NTScalar
from p4p.server import Server, ServerOperation, StaticProvider
from p4p.server.thread import SharedPV

from beamwright_generator.tables.record_types import record_type
from tests.live.runtime.pva_motor import serve_field

LETTERS = "ABCUVWXYZ"
STATUS = ("Success", "Failure", "Undefined")
TICK = 0.01
RAMP = 0.05
"""Seconds that a stop takes."""
END = 8
"""What the user array says of the last point."""


@dataclass
class Curve:
    """Where an axis is at each moment: a cubic curve through points with velocities, at rest before and behind."""

    times: list[float] = field(default_factory=lambda: [0.0])
    positions: list[float] = field(default_factory=lambda: [0.0])
    velocities: list[float] = field(default_factory=lambda: [0.0])

    def at(self, moment: float) -> tuple[float, float]:
        """Position and velocity."""
        after = int(np.searchsorted(self.times, moment, side="right"))
        if after == len(self.times):
            return self.positions[-1], 0.0
        start, long = self.times[after - 1], self.times[after] - self.times[after - 1]
        (p, q), (v, w) = self.positions[after - 1 : after + 1], self.velocities[after - 1 : after + 1]
        s = (moment - start) / long
        slope = 6 * (q - p) * (s - s**2) / long + v * (1 - 4 * s + 3 * s**2) + w * (3 * s**2 - 2 * s)
        place = p + (q - p) * (3 * s**2 - 2 * s**3) + long * (v * (s - 2 * s**2 + s**3) + w * (s**3 - s**2))
        return place, slope

    def go(self, moment: float, position: float, velocity: float = 0.0) -> None:
        """Be at a point later."""
        self.times.append(moment)
        self.positions.append(position)
        self.velocities.append(velocity)

    def cut(self, moment: float) -> None:
        """Take back what was to follow, and note where the axis is."""
        now = self.at(moment)
        keep = int(np.searchsorted(self.times, moment, side="right"))
        del self.times[keep:], self.positions[keep:], self.velocities[keep:]
        self.go(moment, *now)

    @property
    def end(self) -> float:
        return self.times[-1]


class Pmac:
    """Executes what it is told, and tells of it; axes `names` are X, Y, ... of coordinate system 1.

    :param fastest: units per second, VMAX.
    :param accl: seconds from rest to it.
    """

    def __init__(self, prefix: str, names: Sequence[str], fastest: float = 50.0, accl: float = 0.1) -> None:
        self.prefix = prefix
        self.paths = {name: Curve() for name in names}
        self.letters = dict(zip(names, "XYZ", strict=False))
        self.fastest = fastest
        self.nodes: list[tuple[float, int]] = []
        """When each point of the trajectory that was started last is reached, and what the user array says of it."""
        self.executions = 0
        self.faults: set[str] = set()
        """What it refuses: Build, Append."""
        self._lock = threading.RLock()
        self._served: dict[str, SharedPV] = {}
        self._provider = StaticProvider("pmac")
        self._executing: ServerOperation | None = None
        self._demands: dict[str, tuple[float, ServerOperation]] = {}
        self._moving: list[tuple[float, ServerOperation]] = []
        self._serve(accl)

    def _serve(self, accl: float) -> None:
        self._arrays()
        for name in ("Build", "Append"):
            self._enum(f"Profile{name}Status_RBV", STATUS, 2)
            self._scalar(f"Profile{name}Message_RBV", "s", "")
            self._scalar(f"Profile{name}", "i", 0, lambda op, name=name: self._load(op, name))
        self._enum("ProfileExecuteState_RBV", ("Done", "Executing"), 0)
        self._enum("ProfileExecuteStatus_RBV", STATUS, 2)
        self._scalar("ProfileExecuteMessage_RBV", "s", "")
        self._scalar("ProfileExecute", "?", False, self._execute)
        self._scalar("ProfileAbort", "i", 0, self._abort)
        self._scalar("CS1:DeferMoves", "?", False, self._defer)
        self._scalar("CS1:Port", "s", "CS1")
        for i in range(1, 10):
            name = next((n for n, letter in self.letters.items() if LETTERS.index(letter) == i - 1), None)
            self._scalar(f"CS1:M{i}:DirectDemand", "d", 0.0, lambda op, name=name: self._demand(op, name))
        for name, letter in self.letters.items():
            self._serve_motor(name, letter, accl)

    def _arrays(self) -> None:
        self._scalar("ProfileTimeArray", "ad", [])
        self._scalar("UserArray", "ai", [])
        for letter in LETTERS:
            self._scalar(f"{letter}:Positions", "ad", [])
            self._scalar(f"{letter}:Velocities", "ad", [])
            self._scalar(f"{letter}:UseAxis", "?", False)
        self._scalar("TotalPoints_RBV", "i", 0)
        self._scalar("ProfilePointsToBuild", "i", 0)
        self._scalar("ProfileCsName", "s", "")
        self._scalar("ProfileCalcVel", "?", False)

    def _serve_motor(self, name: str, letter: str, accl: float) -> None:
        motor = record_type("motor")
        assert motor is not None
        for one in motor.fields.values():
            if one.dbf != "NOACCESS":
                self._add(f"{name}.{one.name}", serve_field(one))
        limits = {"LLM": -100.0, "DLLM": -100.0, "HLM": 100.0, "DHLM": 100.0}
        for key, value in {"VMAX": self.fastest, "VELO": 1.0, "ACCL": accl, "DMOV": 1, **limits}.items():
            self._post(f"{name}.{key}", value)
        self._served[f"{name}.STOP"].put(lambda pv, op: self._stop_axis(op, name))
        self._scalar(f"{name}:CsAxis_RBV", "s", letter)
        self._scalar(f"{name}:CsPort_RBV", "s", "CS1")
        self._scalar(f"{name}:CsRaw_RBV", "i", 1)

    def _add(self, name: str, pv: SharedPV) -> None:
        self._served[name] = pv
        self._provider.add(self.prefix + name, pv)

    def _scalar(self, name: str, kind: str, value: Any, put: Callable[[ServerOperation], None] | None = None) -> None:
        pv = SharedPV(nt=NTScalar(kind), initial=value)

        def take(pv: SharedPV, op: ServerOperation) -> None:
            pv.post(op.value())
            put(op) if put is not None else op.done()

        pv.put(take)
        self._add(name, pv)

    def _enum(self, name: str, choices: Sequence[str], index: int) -> None:
        self._add(name, SharedPV(nt=NTEnum(), initial={"index": index, "choices": list(choices)}))

    def _get(self, name: str) -> Any:
        return self._served[name].current()

    def _post(self, name: str, value: Any) -> None:
        self._served[name].post(value)

    def _load(self, op: ServerOperation, how: str) -> None:
        with self._lock:
            number = self._get("ProfilePointsToBuild")
            times = np.cumsum(np.asarray(self._get("ProfileTimeArray"))[:number]) * 1e-6
            user = np.asarray(self._get("UserArray"))[:number]
            used = {n: letter for n, letter in self.letters.items() if self._get(f"{letter}:UseAxis")}
            points = {
                n: (np.asarray(self._get(f"{w}:Positions"))[:number], np.asarray(self._get(f"{w}:Velocities"))[:number])
                for n, w in used.items()
            }
            good = (
                how not in self.faults
                and len(times) == len(user) == number
                and all(len(p) == len(v) == number for p, v in points.values())
            )
            if good and how == "Append":
                self._extend(self.nodes[-1][0], times, user, points)
            elif good:
                self._built = times, user, points
            self._post(f"Profile{how}Message_RBV", "" if good else "the arrays do not match")
            self._post(f"Profile{how}Status_RBV", 0 if good else 1)
        op.done()

    def _extend(self, start: float, times: Any, user: Any, points: Any) -> None:
        for name, (positions, velocities) in points.items():
            for when, position, velocity in zip(times, positions, velocities, strict=True):
                self.paths[name].go(start + when, float(position), float(velocity))
        self.nodes += [(start + float(when), int(what)) for when, what in zip(times, user, strict=True)]

    def _execute(self, op: ServerOperation) -> None:
        with self._lock:
            now = time.monotonic()
            times, user, points = self._built
            for name in points:
                self.paths[name].cut(now)
            self.nodes = []
            self._executing = op
            self._extend(now, times, user, points)
            self.executions += 1
            self._post("ProfileExecuteStatus_RBV", 2)
            self._post("ProfileExecuteState_RBV", 1)

    def _abort(self, op: ServerOperation) -> None:
        with self._lock:
            if self._executing is not None:
                self._decelerate(self.paths)
                self._ended("aborted")
        op.done()

    def _decelerate(self, names: Any) -> None:
        now = time.monotonic()
        for name in names:
            position, velocity = self.paths[name].at(now)
            self.paths[name].cut(now)
            self.paths[name].go(now + RAMP, position + velocity * RAMP / 2)

    def _ended(self, why: str = "") -> None:
        op, self._executing = self._executing, None
        self._post("ProfileExecuteMessage_RBV", why)
        self._post("ProfileExecuteStatus_RBV", int(bool(why)))
        self._post("ProfileExecuteState_RBV", 0)
        if op is not None:
            op.done()

    def _demand(self, op: ServerOperation, name: str | None) -> None:
        assert name is not None
        with self._lock:
            self._demands[name] = float(op.value()), op
            if not self._get("CS1:DeferMoves"):
                self._move()

    def _defer(self, op: ServerOperation) -> None:
        with self._lock:
            if not self._get("CS1:DeferMoves"):
                self._move()
        op.done()

    def _move(self) -> None:
        demands, self._demands = self._demands, {}
        now = time.monotonic()
        far = max((abs(target - self.paths[name].at(now)[0]) for name, (target, _) in demands.items()), default=0.0)
        for name, (target, op) in demands.items():
            self.paths[name].cut(now)
            self.paths[name].go(now + 0.02 + 1.5 * far / self.fastest, target)
            self._moving.append((self.paths[name].end, op))

    def _stop_axis(self, op: ServerOperation, name: str) -> None:
        with self._lock:
            if time.monotonic() < self.paths[name].end:
                self._decelerate([name])
                self._moving = [(0.0, waiting) for _, waiting in self._moving]
        op.done()

    def moving(self) -> bool:
        """Whether any axis moves."""
        return any(time.monotonic() < path.end for path in self.paths.values())

    def tick(self) -> None:
        """Tell where everything is."""
        with self._lock:
            now = time.monotonic()
            for name, path in self.paths.items():
                self._post(f"{name}.RBV", path.at(now)[0])
                if self._get(f"{name}.DMOV") != (done := int(now >= path.end)):
                    self._post(f"{name}.DMOV", done)
            for end, op in [one for one in self._moving if one[0] <= now]:
                self._moving.remove((end, op))
                op.done()
            if self._executing is not None:
                self._post("TotalPoints_RBV", sum(when <= now for when, _ in self.nodes))
                if now >= self.nodes[-1][0]:
                    self._ended("" if self.nodes[-1][1] == END else "the points came to an end")

    def serve(self) -> PmacServer:
        """Serve it on 127.0.0.1, on free ports."""
        return PmacServer(self, self._provider)


class PmacServer:
    """The server, and the clock of the controller."""

    def __init__(self, pmac: Pmac, provider: StaticProvider) -> None:
        self._pmac = pmac
        self._stopped = threading.Event()
        self.server = Server(providers=[provider], isolate=True)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stopped.wait(TICK):
            self._pmac.tick()

    def __enter__(self) -> PmacServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self.server.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What clients need to find it."""
        port = self.server.conf()["EPICS_PVAS_BROADCAST_PORT"]
        return {"EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}", "EPICS_PVA_AUTO_ADDR_LIST": "NO"}
