"""Setpoints and readbacks: paired where one signal can serve both, told apart where not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from beamwright_generator.basics.source_text import Position
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.signals.readback_pairs import CONVENTIONS, pair_records
from beamwright_generator.resolve.types.kinds import Kind, Served

FLOAT = Served(Kind.FLOAT, "DOUBLE")
INT = Served(Kind.INT, "LONG")


AT = Position("x.db")


@dataclass(frozen=True)
class Record:
    leaf: str
    type: str = "ao"
    served: Served = FLOAT
    at: Position = AT


def states(kind: Kind, *labels: str, driver: bool = False) -> Served:
    return Served(kind, "ENUM", states=labels, driver_states=driver)


def pairs(
    *records: Record, given: dict[str, str] | None = None, apart: frozenset[str] = frozenset()
) -> list[tuple[str, ...]]:
    problems = Problems()
    found = pair_records(records, given or {}, apart, problems)
    assert all(problem.code == "unpairable-readback" for problem in problems)
    return [(pair.setpoint, pair.readback, pair.stem) for pair in found]


@pytest.mark.parametrize(("ending", "other"), CONVENTIONS)
def test_every_convention(ending: str, other: str) -> None:
    kind = "ao" if other.endswith("AO") else "ai"
    assert pairs(Record(f"Gap{ending}"), Record(f"Gap{other}", kind)) == [(f"Gap{ending}", f"Gap{other}", "Gap")]


def test_each_record_is_in_one_pair() -> None:
    found = pairs(Record("A"), Record("A_RBV", "ai"), Record("A_SP"), Record("A:RBV", "ai"))
    used = [leaf for pair in found for leaf in pair[:2]]
    assert len(set(used)) == len(used)
    assert found[0] == ("A", "A_RBV", "A")


def test_what_pvi_says_comes_first_and_overrides_keep_apart() -> None:
    records = Record("A"), Record("A_RBV", "ai"), Record("MON", "ai")
    assert pairs(*records, given={"A": "MON"}) == [("A", "MON", "A")]
    assert pairs(*records, given={"A": "GONE"}) == [("A", "A_RBV", "A")]
    assert pairs(*records, apart=frozenset({"A_RBV"})) == []


def test_a_setpoint_is_no_readback() -> None:
    assert pairs(Record("A:SP"), Record("A")) == []
    assert pairs(Record("A", "ai"), Record("A_RBV", "ai")) == []


@pytest.mark.parametrize(
    ("setpoint", "readback", "kind"),
    [
        (FLOAT, FLOAT, Kind.FLOAT),
        (FLOAT, INT, None),
        (states(Kind.ENUM, "a", "b"), states(Kind.ENUM, "a", "b"), Kind.ENUM),
        (states(Kind.ENUM, "a", "b"), states(Kind.ENUM, "x", "y"), Kind.BOOL),
        (states(Kind.BOOL, "Done", "Go"), states(Kind.ENUM, "x", "y"), Kind.BOOL),
        (states(Kind.ENUM, "a", "b", "c"), states(Kind.ENUM, "a", "b"), None),
        (states(Kind.ENUM, "a", "b", "c"), states(Kind.ENUM, "a", "c", "b"), None),
        (states(Kind.ENUM, "a", "b"), INT, None),
        (Served(Kind.ARRAY, "DOUBLE[]", dtype="float64"), Served(Kind.ARRAY, "DOUBLE[]", dtype="float64"), Kind.ARRAY),
        (Served(Kind.LONG_STR, "CHAR[]", suffix=".VAL$"), Served(Kind.STR, "CHAR[]"), None),
    ],
)
def test_what_one_signal_can_serve(setpoint: Served, readback: Served, kind: Kind | None) -> None:
    problems = Problems()
    found = pair_records([Record("A", "ao", setpoint), Record("A_RBV", "ai", readback)], {}, frozenset(), problems)
    assert [pair.served.kind for pair in found] == ([kind] if kind else [])
    assert len(problems) == (0 if kind else 1)


def test_states_that_a_driver_may_change_stay_so() -> None:
    changing, fixed = states(Kind.ENUM, "a", "b", "c", driver=True), states(Kind.ENUM, "a", "b", "c")
    for setpoint, readback in ((changing, fixed), (fixed, changing)):
        (pair,) = pair_records(
            [Record("A", "mbbo", setpoint), Record("A_RBV", "mbbi", readback)], {}, frozenset(), Problems()
        )
        assert pair.served.driver_states
