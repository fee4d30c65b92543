"""The settings of a motor record: speeds, resolution, limits, direction and offset, kept consistent as it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from beamwright_twin.records.python_record import PythonRecord
from beamwright_twin.sim.axis_motion import Profile

SPEEDS: Final = {"VELO": "S", "VMAX": "SMAX", "VBAS": "SBAS", "BVEL": "SBAK"}
"""Speeds in units per second, and the same in revolutions per second."""

PER_SECOND: Final = ("VELO", "VMAX", "BVEL", "VBAS", "JVEL", "HVEL")

SHORTEST_RAMP: Final = 0.1
"""Seconds that the record puts in the place of an acceleration time of 0."""


class MotorSettings(PythonRecord):
    """A motor record without its motion."""

    UNITS: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(PER_SECOND, "EGU/sec"),
        "JAR": "EGU/s/s",
        **dict.fromkeys(("ACCL", "BACC"), "sec"),
        **dict.fromkeys(("S", "SBAS", "SBAK"), "rev/sec"),
        "SREV": "steps/rev",
        "UREV": "EGU/rev",
    }

    @property
    def way(self) -> int:
        """+1 where the user's direction is the dial's, else -1."""
        return -1 if self["DIR"] else 1

    @property
    def profile(self) -> Profile:
        """How the motor moves to a setpoint, in units of the dial."""
        return Profile.of(self["VELO"], self["VBAS"], self["ACCL"])

    def user(self, dial: float) -> float:
        """Turn a dial position into the user's."""
        return float(self.way * dial + self["OFF"])

    def dial(self, user: float) -> float:
        """Turn a user position into the dial's."""
        return float((user - self["OFF"]) * self.way)

    def steps(self, dial: float) -> int:
        """Turn a dial position into steps of the controller."""
        return round(float(dial / self["MRES"]))

    @property
    def limited(self) -> bool:
        """Whether the soft limits count: not when both are 0."""
        return bool(self["DHLM"] or self["DLLM"])

    def outside(self, dial: float) -> bool:
        """Return whether a dial position is beyond the soft limits."""
        return self.limited and not self["DLLM"] <= dial <= self["DHLM"]

    def reconcile(self) -> None:
        """Reconcile the settings of the database, as the record does when it starts."""
        if self["SREV"] <= 0:
            self["SREV"] = 200
        if self["UREV"]:
            self["MRES"] = self["UREV"] / self["SREV"]
        if not self["MRES"]:
            self["MRES"] = 1.0
        self["UREV"] = self["MRES"] * self["SREV"]
        turn = abs(self["UREV"])
        for speed in ("VMAX", "VBAS", "VELO", "BVEL"):
            turns = SPEEDS[speed]
            if self[turns]:
                self[speed] = self[turns] * turn
            if speed != "VMAX":
                self._keep_within(speed)
            self[turns] = self[speed] / turn
        for ramp in ("ACCL", "BACC"):
            self[ramp] = self[ramp] or SHORTEST_RAMP
        self["ERES"] = self["ERES"] or self["MRES"]
        self["JVEL"] = self["JVEL"] or self["VELO"]
        self["JAR"] = self["JAR"] or self["VELO"] / self["ACCL"]
        self["HVEL"] = self["HVEL"] or self["VBAS"]
        self._accelerate()
        self._limit_user()

    def set_up(self, field: str) -> None:
        """React to a write to a setting."""
        turn = abs(self["UREV"])
        if field in SPEEDS.values():
            field = next(speed for speed, turns in SPEEDS.items() if turns == field)
            self[field] = self[SPEEDS[field]] * turn
        match field:
            case "VELO" | "BVEL" | "JVEL" | "HVEL":
                self._keep_within(field)
            case "VMAX":
                if 0 < self["VMAX"] < self["VBAS"]:
                    self["VBAS"] = self["VMAX"]
            case "VBAS":
                if 0 < self["VMAX"] < self["VBAS"]:
                    self["VMAX"] = self["VBAS"]
            case "ACCL" | "BACC":
                self[field] = self[field] if self[field] > 0 else SHORTEST_RAMP
            case "ACCS":
                self["ACCL"] = self["VELO"] / self["ACCS"] if self["ACCS"] > 0 else self["ACCL"]
            case "MRES" | "SREV" | "UREV" | "ERES":
                self._resolve(field)
            case "HLM" | "LLM":
                self._limit_dial(field)
            case "DHLM" | "DLLM":
                self._limit_user()
            case "OFF" | "DIR":
                self._move_scale()
            case "SSET" | "SUSE":
                self["SET"] = int(field == "SSET")
            case "FOF" | "VOF":
                self["FOFF"] = int(field == "FOF")
        if field in ("VMAX", "VBAS"):
            for speed in ("VELO", "BVEL", "JVEL", "HVEL"):
                self._keep_within(speed)
        for speed, turns in SPEEDS.items():
            self[turns] = self[speed] / turn
        self._accelerate()

    def _accelerate(self) -> None:
        self["ACCS"] = self["VELO"] / self["ACCL"]

    def _keep_within(self, speed: str) -> None:
        """Keep a speed between the base velocity and the largest one, where there is one."""
        kept = max(self[speed], self["VBAS"])
        self[speed] = min(kept, self["VMAX"]) if self["VMAX"] > 0 else kept

    def _resolve(self, field: str) -> None:
        if field == "MRES":
            self["UREV"] = self["MRES"] * self["SREV"]
        elif field == "UREV":
            self["MRES"] = self["UREV"] / self["SREV"]
        elif field == "SREV":
            self["SREV"] = self["SREV"] if self["SREV"] > 0 else 200
            self["MRES"] = self["UREV"] / self["SREV"]
        self["MRES"] = self["MRES"] or 1.0
        self["ERES"] = self["ERES"] or self["MRES"]

    def _limit_dial(self, field: str) -> None:
        """Take over a user limit; where the directions differ, the user's high limit is the dial's low one."""
        high = (field == "HLM") == (self.way > 0)
        self["DHLM" if high else "DLLM"] = self.dial(self[field])

    def _limit_user(self) -> None:
        ends = [self.user(self["DHLM"]), self.user(self["DLLM"])]
        self["HLM"], self["LLM"] = ends if self.way > 0 else reversed(ends)
        raw = [self["DHLM"] / self["MRES"], self["DLLM"] / self["MRES"]]
        self["RHLM"], self["RLLM"] = max(raw), min(raw)

    def _move_scale(self) -> None:
        """Show the same dial positions on a user scale that was moved or turned round."""
        self["VAL"] = self.user(self["DVAL"])
        self["RBV"] = self.user(self["DRBV"])
        self.poke("LVAL", self["VAL"])
        self._limit_user()

    def limits(self, field: str) -> tuple[float, float] | None:
        """Return the display limits, which are those of travel and speed."""
        match field:
            case "VAL" | "RBV":
                return self["HLM"], self["LLM"]
            case "DVAL" | "DRBV":
                return self["DHLM"], self["DLLM"]
            case "RVAL" | "RRBV":
                return self["RHLM"], self["RLLM"]
            case "VELO":
                return self["VMAX"], self["VBAS"]
        return None

    def alarm_limits(self, field: str) -> tuple[float, float, float, float] | None:
        """Return the alarm limits, which the record has but does not look at."""
        if field in ("VAL", "DVAL"):
            return self["HIHI"], self["HIGH"], self["LOW"], self["LOLO"]
        return None

    def precision(self, field: str) -> int:
        """Return the precision."""
        if field in ("RRBV", "RMP", "REP"):
            return 0
        return 2 if field == "VERS" else int(self["PREC"])
