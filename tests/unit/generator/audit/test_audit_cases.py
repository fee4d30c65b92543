"""The faults that users met at beamlines, and others, are found in small classes, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from beamwright_generator.problems import CODES, Severity
from tests.unit.generator.audit.audit_cases import CASES, case, names

FOUND_BY_USERS: Mapping[str, tuple[set[str], set[str]]] = {
    "wrong_suffix": ({"array_size_y", "gain", "exposures"}, {"audit-missing"}),
    "doubled_rbv": ({"sigma", "mean"}, {"audit-missing", "audit-side-missing"}),
    "some_versions": ({"num_exposures"}, {"audit-missing"}),
    "plugin_pvs_on_driver": ({"nd_array_port", "unique_id"}, {"audit-missing"}),
    "other_drivers_choices": ({"trigger_mode", "trigger_source", "polarity"}, {"audit-states", "audit-type"}),
    "read_only_with_setpoint": ({"profile_size_x"}, {"audit-side-missing"}),
}
"""What is wrong, by the case that shows it: ophyd-async's issues 514, 860, 1117, 1213, 1226 and 1278."""


@pytest.mark.parametrize("name", names())
def test_what_is_found(name: str, update_golden: bool) -> None:
    wanted = case(name)
    found, problems = wanted.audited()
    text = "".join(f"{problem}\n" for problem in (*problems, *(one.problem for one in found.in_order())))
    expected = wanted.folder / "problems.txt"
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FOUND_BY_USERS)
def test_what_users_met_is_an_error_at_its_signal(name: str) -> None:
    found, _ = case(name).audited()
    errors = [one for one in found.findings if one.problem.severity is Severity.ERROR]
    attributes, codes = FOUND_BY_USERS[name]
    assert {one.attribute for one in errors} == attributes
    assert {one.problem.code for one in errors} == codes
    source = (case(name).folder / "devices.py").read_text(encoding="utf-8").splitlines()
    for one in errors:
        assert one.problem.at is not None
        assert source[one.problem.at.line - 1][one.problem.at.column - 1 :].startswith(f"{one.attribute}:")


def test_every_code_has_a_case() -> None:
    printed = "".join(path.read_text(encoding="utf-8") for path in CASES.glob("*/problems.txt"))
    assert [code for code in CODES if code.startswith("audit-") and f"[{code}]" not in printed] == []
