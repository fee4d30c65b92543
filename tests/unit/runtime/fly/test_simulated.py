"""Plans end where nobody answers them: in bluesky's simulator, and in what only looks at messages."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from bluesky.simulators import RunEngineSimulator, assert_message_and_return_remaining, summarize_plan
from ophyd_async.sim import SimMotor
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.plans import fly_grid, fly_scan, step_scan
from tests.helpers.fly.beamline import Beamline


@pytest.fixture
def simulator() -> RunEngineSimulator:
    return RunEngineSimulator()


def test_a_fly_scan_ends(beamline: Beamline, simulator: RunEngineSimulator) -> None:
    simulator.add_handler("open_run", lambda message: "the-uid")
    z = SimMotor("z")
    spec: Spec[Any] = Fly(0.02 @ (Linspace(z, 0, 1, 3) * ~Linspace("x", 0, 2, 8)))
    messages = simulator.simulate_plan(fly_scan(beamline.scanner, spec))
    assert simulator.return_value == "the-uid"
    for command in ("stage", "open_run", "prepare", "declare_stream", "kickoff", "complete", "collect", "close_run"):
        messages = assert_message_and_return_remaining(messages, lambda message, c=command: message.command == c)
    assert messages[-2].command == "unstage"


def test_each_flight_is_asked_for_once(beamline: Beamline, simulator: RunEngineSimulator) -> None:
    z = SimMotor("z")
    spec: Spec[Any] = Fly(0.02 @ (Linspace(z, 0, 1, 3) * ~Linspace("x", 0, 2, 8)))
    messages = simulator.simulate_plan(fly_scan(beamline.scanner, spec))
    asked = Counter(message.command for message in messages)
    assert (asked["set"], asked["prepare"], asked["kickoff"], asked["complete"], asked["unstage"]) == (3, 3, 3, 3, 1)
    assert [message.args[0] for message in messages if message.command == "set"] == [0, 0.5, 1]


@pytest.mark.parametrize("turns", [1, 4])
def test_a_flight_may_take_a_while(beamline: Beamline, simulator: RunEngineSimulator, turns: int) -> None:
    """A handler answers waits as the RunEngine does: False while it is still to be waited."""
    waits = iter([False] * (turns - 1))
    flushing = lambda message: message.kwargs.get("error_on_timeout") is False  # noqa: E731
    simulator.add_handler("wait", lambda message: next(waits, True), flushing)
    messages = simulator.simulate_plan(fly_scan(beamline.scanner, Fly(0.02 @ Linspace("x", 0, 2, 8))))
    assert sum(message.command == "wait" and flushing(message) for message in messages) == turns


def test_a_failing_handler_ends_a_plan_as_a_failure_would(beamline: Beamline, simulator: RunEngineSimulator) -> None:
    def fail(message: object) -> None:
        raise RuntimeError("the handler's own")

    simulator.add_handler("kickoff", fail)
    with pytest.raises(RuntimeError, match="the handler's own"):
        simulator.simulate_plan(fly_scan(beamline.scanner, Fly(0.02 @ Linspace("x", 0, 2, 8))))


def test_other_plans_end(beamline: Beamline, simulator: RunEngineSimulator) -> None:
    grid = fly_grid(beamline.scanner, Linspace("y", 0, 1, 2), Linspace("x", 0, 2, 12), duration=0.02)
    assert [message.command for message in simulator.simulate_plan(grid)].count("kickoff") == 1
    x = SimMotor("x")
    assert len(simulator.simulate_plan(step_scan([], Linspace(x, 0, 1, 4)))) > 4


def test_a_summary_ends(beamline: Beamline, capsys: pytest.CaptureFixture[str]) -> None:
    summarize_plan(fly_scan(beamline.scanner, Fly(0.02 @ Linspace("x", 0, 2, 8))))
    assert "Open Run" in capsys.readouterr().out
