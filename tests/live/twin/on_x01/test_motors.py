"""Motors of a running twin, through ophyd-async's unmodified Motor over CA and PVA, and through bare channels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aioca import FORMAT_TIME, caget, camonitor, caput
from ophyd_async.epics.motor import Motor, MotorLimitsError

from beamwright_twin import Twin, TwinError
from tests.helpers.own_process import ON_X01_IN_ONE_LOOP

pytestmark = ON_X01_IN_ONE_LOOP

X, Y, THETA, ENERGY = (
    "BL01X-MO-STAGE-01:X",
    "BL01X-MO-STAGE-01:Y",
    "BL01X-MO-STAGE-01:THETA",
    "BL01X-OP-MONO-01:ENERGY",
)
COLLECTED = time.time()
"""Before the twin was started."""


@pytest.fixture(params=["ca", "pva"])
async def motor(request: pytest.FixtureRequest, twin: Twin) -> Motor:
    one = Motor(f"{request.param}://{X}", name="x")
    await one.connect()
    await one.velocity.set(5)
    await one.set(0)
    return one


@pytest.fixture
async def y(twin: Twin) -> AsyncIterator[str]:
    """A motor at 0 that has its own settings back at the end."""
    await caput(f"{Y}.VELO", 5)
    await caput(Y, 0, wait=True)
    yield Y
    for field, value in (("SET", 0), ("FOFF", 0), ("DIR", 0), ("OFF", 0), ("DLY", 0), ("VBAS", 0)):
        await caput(f"{Y}.{field}", value)


async def test_a_move_is_done_when_it_has_arrived(motor: Motor, twin: Twin) -> None:
    readback, done = Updates(f"{X}.RBV"), Updates(f"{X}.DMOV")
    await done.until(1)
    await motor.set(1.5)
    await done.until(1)
    readback.close()
    done.close()
    assert await motor.user_readback.get_value() == 1.5
    assert await motor.motor_done_move.get_value() == 1
    assert readback.values == sorted(readback.values)
    assert any(0 < position < 1.5 for position in readback.values)
    assert done.values == [1, 0, 1]
    # Half a second up, half a second down, and 5 mm/s are not reached on 1.5 mm.
    moved = twin.trajectories[X]
    peak = (1.5 * 10) ** 0.5
    assert moved.end - moved.start == pytest.approx(2 * peak / 10)


class Updates:
    """Collects what a PV says, for tests that wait for it."""

    def __init__(self, pv: str) -> None:
        self.values: list[float] = []
        self._news = asyncio.Event()
        self._subscription = camonitor(pv, self._heard, all_updates=True)

    def _heard(self, value: float) -> None:
        self.values.append(value)
        self._news.set()

    async def until(self, wanted: float) -> None:
        while not self.values or self.values[-1] != wanted:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 10)

    async def beyond(self, limit: float) -> None:
        while not self.values or self.values[-1] <= limit:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 10)

    def close(self) -> None:
        self._subscription.close()


async def test_a_stop_ends_the_move_where_the_motor_is(motor: Motor) -> None:
    readback = Updates(f"{X}.RBV")
    done = Updates(f"{X}.DMOV")
    put = asyncio.create_task(caput(X, 10, wait=True, timeout=20))
    await readback.beyond(1)
    await motor.stop(success=True)
    await put
    await done.until(1)
    readback.close()
    done.close()
    stopped = await motor.user_readback.get_value()
    assert 1 < stopped < 10
    assert await motor.user_setpoint.get_value() == stopped
    assert await motor.motor_done_move.get_value() == 1


async def test_beyond_the_limits_nothing_moves(motor: Motor) -> None:
    with pytest.raises(MotorLimitsError):
        await motor.set(26)
    await caput(X, 26, wait=True)
    assert await caget(f"{X}.LVIO") == 1
    assert await caget(X) == 0
    await caput(X, 0.1, wait=True)
    assert await caget(f"{X}.LVIO") == 0
    assert await caget(f"{X}.RBV") == 0.1


async def test_it_says_that_it_moves(y: str) -> None:
    done, moving = Updates(f"{y}.DMOV"), Updates(f"{y}.MOVN")
    await done.until(1)
    await moving.until(0)
    await caput(y, 1, wait=True)
    await moving.until(0)
    await done.until(1)
    assert done.values == [1, 0, 1]
    assert moving.values == [0, 1, 0]
    done.close()
    moving.close()


async def test_it_settles_before_it_is_done(y: str) -> None:
    await caput(f"{y}.DLY", 0.3)
    done, moving = Updates(f"{y}.DMOV"), Updates(f"{y}.MOVN")
    await caput(y, 0.5, wait=True, timeout=10)
    await done.until(1)
    done.close()
    moving.close()
    assert await caget(f"{y}.MOVN") == 0


async def test_the_base_velocity_starts_and_ends_a_move(y: str, twin: Twin) -> None:
    await caput(f"{y}.VBAS", 1)
    await caput(y, 4, wait=True)
    first, *_, last, _rest = twin.trajectories[y].segments
    assert first.velocity == 1
    assert first.acceleration == pytest.approx((5 - 1) / 0.5)
    assert last.velocity + last.acceleration * (twin.trajectories[y].end - last.start) == pytest.approx(1)


async def test_a_new_setpoint_on_the_way_is_where_it_ends(y: str) -> None:
    readback = Updates(f"{y}.RBV")
    await caput(y, 8)
    await readback.beyond(1)
    await caput(y, -1, wait=True, timeout=20)
    assert max(readback.values) > 1
    assert await caget(f"{y}.RBV") == -1
    readback.close()


async def test_tweaks(y: str) -> None:
    await caput(f"{y}.TWV", 0.25)
    await caput(f"{y}.TWF", 1, wait=True)
    assert await caget([y, f"{y}.RBV", f"{y}.TWF"]) == [0.25, 0.25, 0]
    await caput(f"{y}.TWR", 1, wait=True)
    assert await caget([y, f"{y}.RBV"]) == [0, 0]
    await caput(f"{y}.RLV", 0.5, wait=True)
    assert await caget([y, f"{y}.RBV", f"{y}.RLV"]) == [0.5, 0.5, 0]


async def test_set_mode_changes_the_offset_and_nothing_moves(y: str, twin: Twin) -> None:
    await caput(y, 1, wait=True)
    moved = twin.positions[y]
    await caput(f"{y}.SET", "Set")
    await caput(y, 3, wait=True)
    await caput(f"{y}.SET", "Use")
    assert await caget([y, f"{y}.RBV", f"{y}.OFF", f"{y}.DRBV", f"{y}.HLM"]) == [3, 3, 2, 1, 12]
    assert twin.positions[y] == moved


async def test_set_mode_with_a_frozen_offset_redefines_the_dial(y: str, twin: Twin) -> None:
    await caput(f"{y}.SET", "Set")
    await caput(f"{y}.FOFF", "Frozen")
    await caput(y, 2, wait=True)
    await caput(f"{y}.SET", "Use")
    assert await caget([y, f"{y}.RBV", f"{y}.OFF", f"{y}.DRBV"]) == [2, 2, 0, 2]
    await caput(y, 0, wait=True)
    assert twin.positions[y] == 0


async def test_a_turned_direction_turns_positions_and_limits(y: str) -> None:
    await caput(y, 1, wait=True)
    await caput(f"{y}.DIR", "Neg", wait=True)
    await caput(f"{y}.OFF", 4, wait=True)
    assert await caget([y, f"{y}.RBV", f"{y}.DRBV", f"{y}.HLM", f"{y}.LLM"]) == [3, 3, 1, 14, -6]
    await caput(y, 5, wait=True)
    assert await caget([f"{y}.DRBV", f"{y}.RRBV"]) == [-1, -10000]


async def test_user_limits_are_dial_limits(y: str) -> None:
    await caput(f"{y}.HLM", 2, wait=True)
    assert await caget(f"{y}.DHLM") == 2
    await caput(y, 3, wait=True)
    assert await caget([f"{y}.LVIO", f"{y}.RBV"]) == [1, 0]
    await caput(f"{y}.DHLM", 10, wait=True)
    assert await caget(f"{y}.HLM") == 10


async def test_jogging_goes_on_until_it_is_told_to_stop(y: str) -> None:
    readback, done = Updates(f"{y}.RBV"), Updates(f"{y}.DMOV")
    await caput(f"{y}.JOGF", 1)
    await readback.beyond(0.2)
    await caput(f"{y}.JOGF", 0)
    await done.until(1)
    assert await caget(y) == await caget(f"{y}.RBV")
    readback.close()
    done.close()


async def test_a_motor_with_limits_around_4_to_25_starts_inside(twin: Twin) -> None:
    assert await caget([f"{ENERGY}.RBV", f"{ENERGY}.LVIO", f"{ENERGY}.DMOV"]) == [4, 0, 1]


async def test_a_paused_motor_goes_on(y: str) -> None:
    readback, done = Updates(f"{y}.RBV"), Updates(f"{y}.DMOV")
    await caput(y, 6)
    await readback.beyond(1)
    await caput(f"{y}.SPMG", "Pause")
    await done.until(1)
    assert 1 < await caget(f"{y}.RBV") < 6
    await caput(f"{y}.SPMG", "Go")
    await readback.until(6)
    readback.close()
    done.close()


async def test_a_stuck_axis_stays_where_it_is_until_it_is_free(y: str, twin: Twin) -> None:
    readback = Updates(f"{y}.RBV")
    move = asyncio.create_task(caput(y, 6, wait=True, timeout=30))
    await readback.beyond(1)
    with twin.stuck(y):
        held = await caget(f"{y}.RBV")
        assert await caget(f"{y}.DMOV") == 0
        assert 1 < held < 6
        status = Updates(f"{y}.MSTA")
        await caput(f"{y}.PROC", 1)
        assert twin.trajectories[y].target == twin.positions[y]
        assert await caget(f"{y}.RBV") == held
        assert not move.done()
        status.close()
    await move
    assert await caget(f"{y}.RBV") == 6
    readback.close()


async def test_an_axis_at_a_limit_switch_moves_away_from_it_only(y: str, twin: Twin) -> None:
    readback = Updates(f"{y}.RBV")
    move = asyncio.create_task(caput(y, 6, wait=True, timeout=30))
    await readback.beyond(1)
    with twin.failing(y, "limit"):
        await move
        held = await caget(f"{y}.RBV")
        assert 1 < held < 6
        assert (await caget(f"{y}.HLS"), await caget(f"{y}.LLS"), await caget(f"{y}.DMOV")) == (1, 0, 1)
        await caput(y, 7, wait=True, timeout=30)
        assert await caget(f"{y}.RBV") == held
        await caput(y, 0.5, wait=True, timeout=30)
        assert await caget(f"{y}.RBV") == 0.5
    assert await caget(f"{y}.HLS") == 0
    with pytest.raises(TwinError, match="does not move"), twin.failing(y, "limit"):
        raise AssertionError
    readback.close()


async def test_the_axes_stay_where_they_are_while_an_ioc_restarts(y: str, twin: Twin) -> None:
    await caput(y, 2.5, wait=True)
    connected, lost = Updates(f"{y}.RBV"), asyncio.Event()
    watch = camonitor(f"{y}.RBV", lambda value: None if value.ok else lost.set(), notify_disconnect=True)
    await connected.until(2.5)
    with twin.down("BL01X-MO-IOC-01"):
        assert twin.iocs["BL01X-MO-IOC-01"].pid is None
        await asyncio.wait_for(lost.wait(), 30)  # until then a get fails at once, and one after the restart would, too
        with pytest.raises(Exception, match=r"timed? ?out|disconnect"):
            await caget(f"{y}.RBV", timeout=1)
    assert await caget(f"{y}.RBV", timeout=30) == 2.5
    watch.close()
    connected.close()


async def test_the_beam_is_lost_and_comes_back(twin: Twin) -> None:
    current = "SR01-DI-RING-01:CURRENT"
    twin.put(current, 300)
    seen = Updates(current)
    await seen.until(300)
    with twin.beam_loss(current):
        await seen.until(0)
    await seen.until(300)
    seen.close()


async def test_a_record_is_gone_and_comes_back(twin: Twin) -> None:
    gone, neighbour = "BL01X-VA-GAUGE-01:PRESSURE", "BL01X-VA-GAUGE-01:STATUS"
    with twin.without(gone):
        assert await caget(neighbour, timeout=30) == 0
        with pytest.raises(Exception, match=r"timed? ?out|disconnect"):
            await caget(gone, timeout=1)
    assert await caget(gone, timeout=30) == 0


async def test_a_setpoint_is_echoed_before_its_put_is_complete(twin: Twin) -> None:
    for value in (20.5, 300.0):
        await caput("BL01X-EA-TEMPC-01:SETPOINT", value, wait=True)
        assert await caget("BL01X-EA-TEMPC-01:SETPOINT_RBV") == value


async def test_a_motor_that_was_never_moved_is_valid_since_its_ioc_started(twin: Twin) -> None:
    position = await caget(f"{ENERGY}.RBV", format=FORMAT_TIME)
    assert (position.status, position.severity) == (0, 0)
    assert position.timestamp >= COLLECTED
