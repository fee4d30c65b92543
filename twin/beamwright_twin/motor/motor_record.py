"""A motor record that moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from beamwright_twin.motor.motor_settings import MotorSettings
from beamwright_twin.records import epics_base
from beamwright_twin.records.python_record import MAJOR, STATE_ALARM, FieldLocation
from beamwright_twin.sim.axis_motion import Profile, Trajectory
from beamwright_twin.sim.world import World

POLL: Final = 0.1
"""Real seconds from one readback to the next while the motor moves, as a moving controller is usually asked."""

FAR: Final = 1e9
"""Units that an axis without limits can jog."""

SETPOINTS: Final = ("VAL", "DVAL", "RVAL", "RLV")
HIGH_ALARM, LOW_ALARM = 4, 6
STOPPED, PAUSED, ONE_MOVE, GO = range(4)
DIRECTION, DONE, HIGH_LIMIT, HOME, SLIP, MOVING, LOW_LIMIT, HOMED = (1 << bit for bit in (0, 1, 2, 3, 6, 10, 13, 14))
"""Bits of the controller's status (MSTA)."""


class MotorRecord(MotorSettings):
    """A motor on a controller whose position is known exactly at every moment."""

    def __init__(self, world: World, address: int, kind: str, places: Mapping[str, FieldLocation]) -> None:
        super().__init__(address, kind, places)
        self.world = world
        world.faulty[self.name] = self
        self.trajectory = Trajectory.rest(0.0)
        self.homed = False
        self.stuck: Trajectory | None = None
        self.limit = 0
        self._written: set[str] = set()
        self._motion = 0
        self._jogging = False
        self._settle_here = False

    # Starting

    def start(self) -> None:
        """Read the axis, which is where it was left, or as near to 0 as its limits allow."""
        self.reconcile()
        dial = self.world.positions.get(self.name)
        if dial is None:
            dial = self["DVAL"] or self.dial(self["VAL"])
            dial = min(max(dial, self["DLLM"]), self["DHLM"]) if self.limited else dial
        self._follow(Trajectory.rest(dial))
        self._read(self.world.clock.now())
        self._sync()
        self["LVIO"] = int(self.outside(dial))
        self["DMOV"] = 1
        self.post()

    # What clients do

    def written(self, field: str) -> None:
        """Take note of a new setpoint, or take over a new setting."""
        if field in SETPOINTS or field in ("JOGF", "JOGR", "HOMF", "HOMR", "TWF", "TWR", "SYNC"):
            self._written.add(field)
        else:
            self.set_up(field)

    def process(self) -> bool:
        """Act on what was written; False while the motor moves."""
        written, self._written = self._written, set()
        self._changed |= written & {"VAL"}
        if self["STOP"]:
            self["STOP"] = 0
            self._stop()
        elif self["SPMG"] != self["LSPG"]:
            self._change_mode()
        elif self["SYNC"]:
            self["SYNC"] = 0
            self._sync()
        elif written & {"JOGF", "JOGR"}:
            self._jog()
        elif written & {"HOMF", "HOMR"}:
            self._home()
        elif written & {"TWF", "TWR"}:
            self._tweak()
        else:
            self._set(next((field for field in SETPOINTS if field in written), ""))
        return bool(self["DMOV"])

    def done(self) -> None:
        """Post what changed, and complete the puts that wait."""
        self.post()
        epics_base.forward_link(self.address)

    def fault(self, kind: str, on: bool) -> None:
        """Make the axis stick where it is, or come free and go on; or meet a limit switch, or leave it.

        :raises ValueError: when the fault is neither `stuck` nor `limit`, or an axis at rest is to meet a switch.
        """
        with epics_base.locked(self.address):
            now = self.world.clock.now()
            match kind:
                case "stuck":
                    self._stick(now, on)
                case "limit":
                    self._meet_limit(now, on)
                case _:
                    raise ValueError(f"a motor has no fault {kind!r}; it can be stuck or at a limit")
            self._show(now)

    def _stick(self, now: float, on: bool) -> None:
        if on and self.stuck is None:
            meant = self.trajectory
            self._follow(Trajectory.rest(meant.position(now), now))
            self.stuck = meant
        elif not on and self.stuck is not None:
            meant, self.stuck = self.stuck, None
            if not self["DMOV"]:
                self._go(meant.target, self.profile)

    def _meet_limit(self, now: float, on: bool) -> None:
        """Stop at once at a limit switch, which lets the axis move away only; or let the switch go."""
        position, velocity = self.trajectory.at(now)
        if on and not velocity:
            raise ValueError(f"{self.name} does not move, so it meets no limit switch")
        self.limit = int(math.copysign(1, velocity)) if on else 0
        self["HLS"], self["LLS"] = int(self.limit * self.way > 0), int(self.limit * self.way < 0)
        if on:
            self._follow(Trajectory.rest(position, now))

    # Setpoints

    def _set(self, field: str) -> None:
        if not field:
            return
        if field == "RLV":
            self["VAL"] = self["VAL"] + self["RLV"]
            self["RLV"] = 0.0
        if self["SET"] and not self["IGSET"]:
            self._redefine(field)
            return
        self._aim(field)
        if self["SPMG"] == PAUSED:
            return
        if self["SPMG"] == STOPPED:
            self._take_back()
        else:
            self._move()

    def _aim(self, field: str) -> None:
        """Make the three setpoints agree."""
        if field == "RVAL":
            self["DVAL"] = self["RVAL"] * self["MRES"]
        elif field != "DVAL":
            self["DVAL"] = self.dial(self["VAL"])
        self["VAL"] = self.user(self["DVAL"])
        self["RVAL"] = self.steps(self["DVAL"])

    def _redefine(self, field: str) -> None:
        """Call the present position by another number: by the offset, or in the controller when that is frozen."""
        if field == "RVAL":
            self["DVAL"] = self["RVAL"] * self["MRES"]
        if self["FOFF"]:
            self["DVAL"] = self["DVAL"] if field in ("DVAL", "RVAL") else self.dial(self["VAL"])
            self._follow(Trajectory.rest(self["DVAL"], self.world.clock.now()))
        elif field in ("DVAL", "RVAL"):
            self["OFF"] = self["VAL"] - self.way * self["DVAL"]
            self._follow(Trajectory.rest(self["DVAL"], self.world.clock.now()))
        else:
            self["DVAL"] = self["DRBV"]
            self["OFF"] = self["VAL"] - self.way * self["DVAL"]
        self["RVAL"] = self.steps(self["DVAL"])
        self._limit_user()
        self._remember()
        self._read(self.world.clock.now())

    def _move(self) -> None:
        """Move to the setpoint, or refuse it if it is beyond the limits."""
        if self.outside(self["DVAL"]):
            self["LVIO"] = 1
            self._take_back()
            return
        self["LVIO"] = 0
        self._remember()
        self._go(self.steps(self["DVAL"]) * self["MRES"], self.profile)

    def _tweak(self) -> None:
        forward = bool(self["TWF"])
        self["TWF"] = self["TWR"] = 0
        self["VAL"] = self["VAL"] + (self["TWV"] if forward else -self["TWV"])
        self._set("VAL")

    def _remember(self) -> None:
        for last, field in (("LVAL", "VAL"), ("LDVL", "DVAL"), ("LRVL", "RVAL")):
            self.poke(last, self[field])

    def _take_back(self) -> None:
        for last, field in (("LVAL", "VAL"), ("LDVL", "DVAL"), ("LRVL", "RVAL")):
            self[field] = self[last]

    def _sync(self) -> None:
        """Make the setpoints what the readbacks are."""
        self["VAL"], self["DVAL"], self["RVAL"] = self["RBV"], self["DRBV"], self["RRBV"]
        self._remember()
        self["DIFF"], self["RDIF"] = 0.0, 0

    def _change_mode(self) -> None:
        before, self["LSPG"] = self["LSPG"], self["SPMG"]
        if self["SPMG"] in (STOPPED, PAUSED):
            self._stop(keep=self["SPMG"] == PAUSED)
        elif before == PAUSED and self["VAL"] != self["RBV"]:
            self._move()

    # Jogging and homing

    def _jog(self) -> None:
        ways = self["JOGF"] - self["JOGR"]
        if not ways:
            if self._jogging:
                self._stop()
            return
        ways *= self.way
        end = (self["DHLM"] if ways > 0 else self["DLLM"]) if self.limited else FAR * ways
        self._jogging = True
        self._go(end, Profile(self["JVEL"], min(self["VBAS"], self["JVEL"]), self["JAR"] or math.inf))

    def _home(self) -> None:
        """Find the home switch, which is at 0 of the dial, or at the limit that is nearest to it."""
        home = min(max(0.0, self["DLLM"]), self["DHLM"]) if self.limited else 0.0
        self.homed = True
        self._go(home, Profile.of(self["HVEL"] or self["VELO"], self["VBAS"], self["ACCL"]))

    # Motion

    def _go(self, target: float, profile: Profile) -> None:
        now = self.world.clock.now()
        position, velocity = self.trajectory.at(now)
        if self.limit * (target - position) > 0 or (target == position and not velocity and not self.stuck):
            self._buttons_up()
            return
        self._settle_here = False
        trajectory = profile.move(now, position, target, velocity)
        self["CDIR"] = self["TDIR"] = int(target > position)
        self["DMOV"], self["MOVN"], self["MISS"], self["RCNT"] = 0, 1, 0, 0
        if self.stuck is None:
            self._follow(trajectory)
        else:
            self.stuck = trajectory
        self._read(now)

    def _stop(self, keep: bool = False) -> None:
        """Ramp down; the setpoint becomes where the motor stopped, unless it is kept for later."""
        if self["DMOV"]:
            return
        now = self.world.clock.now()
        if self.stuck is not None:
            self.stuck = Trajectory.rest(self.trajectory.position(now), now)
            self._follow(self.stuck)
        else:
            self._follow(self.profile.stop(now, *self.trajectory.at(now)))
        self._settle_here = not keep

    def _follow(self, trajectory: Trajectory) -> None:
        """Move along a trajectory, and look at the axis until it has ended."""
        self._motion += 1
        self.trajectory = trajectory
        self.world.move(self.name, trajectory)
        if not self["DMOV"]:
            self._check_motion(self._motion)

    def _check_motion(self, motion: int) -> None:
        clock = self.world.clock
        step = clock.now() + POLL * clock.speed
        end = self.trajectory.end
        # The last look is at the end itself, so that arrival is not later than it has to be.
        self.world.schedule.at(min(step, end) if end > clock.now() else end, lambda: self._poll(motion))

    def _poll(self, motion: int) -> None:
        with epics_base.locked(self.address):
            if motion != self._motion or self["DMOV"]:
                return
            now = self.world.clock.now()
            if now < self.trajectory.end or (self.stuck is not None and self.stuck is not self.trajectory):
                self._show(now)
                self._check_motion(motion) if now < self.trajectory.end else None
            elif self["MOVN"]:
                self._arrive(now, motion)
            else:
                self["DMOV"] = 1
                self.done()

    def _arrive(self, now: float, motion: int) -> None:
        self["MOVN"] = 0
        if self._jogging:
            self["LVIO"] = int(self["JOGF"] or self["JOGR"])
        if self._jogging or self["HOMF"] or self["HOMR"]:
            self._settle_here = True
        self._buttons_up()
        self._read(now)
        if self._settle_here:
            self._sync()
        if self["DLY"] > 0:
            self.post()
            self.world.schedule.at(now + self["DLY"], lambda: self._poll(motion))
            return
        self["DMOV"] = 1
        if self["SPMG"] == ONE_MOVE:
            self["SPMG"] = self["LSPG"] = PAUSED
        self.done()

    def _buttons_up(self) -> None:
        self._jogging = False
        for button in ("JOGF", "JOGR", "HOMF", "HOMR"):
            self[button] = 0

    # Readbacks

    def _show(self, now: float) -> None:
        self._read(now)
        self.post()

    def _read(self, now: float) -> None:
        """Take the controller's position and status over into the record."""
        position, velocity = self.trajectory.at(now)
        self["RMP"] = self["RRBV"] = steps = self.steps(position)
        self["REP"] = round(position / self["ERES"]) if self["ERES"] else steps
        self["DRBV"] = steps * self["MRES"]
        self["RBV"] = self.user(self["DRBV"])
        self["RVEL"] = self.steps(abs(velocity))
        self["DIFF"] = self["DVAL"] - self["DRBV"]
        self["RDIF"] = self.steps(self["DIFF"])
        self["ATHM"] = int(self.homed and steps == 0)
        status = MOVING if self["MOVN"] else DONE
        for bit, on in (
            (DIRECTION, self["TDIR"]),
            (HOMED, self.homed),
            (HOME, self["ATHM"]),
            (SLIP, self.stuck),
            (HIGH_LIMIT, self.limit > 0),
            (LOW_LIMIT, self.limit < 0),
        ):
            status |= bit if on else 0
        self["MSTA"] = status

    def alarm(self) -> tuple[int, int]:
        """Return the alarm of a position beyond the limits, or of an axis that slips."""
        if self["HLSV"] and self.limited and self["DVAL"] > self["DHLM"]:
            return HIGH_ALARM, self["HLSV"]
        if self["HLSV"] and self.limited and self["DVAL"] < self["DLLM"]:
            return LOW_ALARM, self["HLSV"]
        return (STATE_ALARM, MAJOR) if self.stuck is not None else (0, 0)
