"""A hand-written class is read alike for `gen audit` and for `gen adopt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamwright_generator.changes.adopt.handwritten_class import find_class
from beamwright_generator.changes.interface.elements import Member
from beamwright_generator.problems import Problems

CASES = Path(__file__).resolve().parents[1] / "audit/cases"


@pytest.fixture(scope="module")
def members() -> dict[str, Member]:
    problems = Problems()
    found = find_class(f"{CASES}/helper_function/devices.py:Amp", problems)
    assert found is not None, problems
    return dict(found.interface.members_of(found.name))


def test_constants_and_helper_functions_are_followed(members: dict[str, Member]) -> None:
    assert (members["factor"].read, members["factor"].write) == (("Gain_RBV",), ("Gain",))
    assert (members["one"].read, str(members["one"].type)) == (("Temp1",), "SignalR[float]")


def test_the_readback_of_a_pv_with_a_field_is_that_of_ophyd_async(members: dict[str, Member]) -> None:
    assert (members["gain"].read, members["gain"].write) == (("Gain_RBV.VAL",), ("Gain.VAL",))


def test_what_setattr_assigns_is_a_member() -> None:
    found = find_class(f"{CASES}/not_owned/devices.py:Heater", Problems())
    assert found is not None
    members = found.interface.members_of(found.name)
    assert [members[name].read for name in ("t1", "t2", "t3")] == [("T1",), ("T2",), ("T3",)]
