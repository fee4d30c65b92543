"""Motion is exact: where it ends, when it ends, and when it passes a position."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beamwright_twin.sim.axis_motion import Profile, Trajectory

PROFILE = Profile.of(velocity=2, base=0, ramp=0.5)
positions = st.floats(-100, 100)
profiles = st.builds(Profile.of, st.floats(0.1, 10), st.floats(0, 10), st.floats(0, 2))


def test_a_long_move_ramps_up_cruises_and_ramps_down() -> None:
    move = PROFILE.move(10, 0, 5)
    assert [segment.velocity for segment in move.segments] == [0, 2, 2, 0]
    assert move.end == 10 + 5 / 2 + 0.5
    assert move.at(10.25) == (0.125, 1)
    assert move.at(11.5) == (2.5, 2)
    assert move.at(9) == (0, 0)
    assert move.at(99) == (5, 0)


def test_a_short_move_does_not_reach_the_velocity() -> None:
    move = PROFILE.move(0, 0, -0.25)
    assert move.end == pytest.approx(2 * math.sqrt(0.25 / 4))
    assert move.at(move.end / 2) == (pytest.approx(-0.125), pytest.approx(-1))


def test_a_motor_without_ramp_is_at_its_velocity_at_once() -> None:
    assert Profile.of(2, 0, 0).move(0, 0, 3).end == 1.5


def test_a_stop_takes_the_distance_of_the_ramp() -> None:
    move = PROFILE.move(0, 0, 100)
    stop = PROFILE.stop(10, *move.at(10))
    assert stop.end == 10.5
    assert stop.target == pytest.approx(move.position(10) + 0.5)


def test_turning_back_ramps_down_first() -> None:
    move = PROFILE.move(0, 0, 100)
    back = PROFILE.move(10, *move.at(10)[:1], 0, move.at(10)[1])
    assert back.position(10.5) == pytest.approx(move.position(10) + 0.5)
    assert back.target == 0


def test_it_crosses_a_position_as_often_as_it_passes() -> None:
    back = PROFILE.move(0, 0, -1, velocity=2)
    first, second = back.crossings(0.25)
    assert back.position(first) == pytest.approx(0.25)
    assert back.position(second) == pytest.approx(0.25)
    assert list(back.crossings(5)) == []


@given(profiles, positions, positions, positions, st.floats(0, 1))
@example(Profile.of(10.0, 9.999999999999998, 1.0), 0.0, 0.0, 6.0, 0.0)
def test_every_move_is_continuous_and_arrives(
    profile: Profile, start: float, first: float, second: float, share: float
) -> None:
    move = profile.move(0, start, first)
    assert move.target == first
    turn = share * move.end
    again = profile.move(turn, *move.at(turn)[:1], second, move.at(turn)[1])
    assert again.target == second
    for trajectory in (move, again):
        for before, after in zip(trajectory.segments, trajectory.segments[1:], strict=False):
            assert after.start >= before.start
            assert before.at(after.start)[0] == pytest.approx(after.position, abs=1e-6)
        assert max(abs(segment.velocity) for segment in trajectory.segments) <= profile.velocity * (1 + 1e-9)


@given(profiles, positions, positions, st.floats(0.01, 0.99))
def test_a_crossing_is_where_the_position_is(profile: Profile, start: float, end: float, share: float) -> None:
    move = profile.move(3, start, end)
    for moment in move.crossings(start + (end - start) * share):
        assert move.position(moment) == pytest.approx(start + (end - start) * share, abs=1e-6)


def test_it_is_the_same_in_another_process() -> None:
    move = PROFILE.move(0, 0, 5)
    assert Trajectory.of([list(segment) for segment in move.segments]) == move
