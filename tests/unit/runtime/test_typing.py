"""mypy strict and basedpyright accept generated code without an ignore, and refuse its wrong use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.paths import TESTS
from tests.helpers.type_checkers import Fault, basedpyright_faults, mypy_faults

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
TYPED = [HERE / f"{name}.py" for name in ("typed_beamline", "typed_plans", "typed_flying")]
FILES = [TESTS / "helpers" / "example_devices.py", *TYPED]


@pytest.mark.parametrize("checker", [mypy_faults, basedpyright_faults])
def test_exactly_the_wrong_uses_are_refused(checker: Callable[..., list[Fault]]) -> None:
    expected = {
        (file.name, number)
        for file in FILES
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if line.endswith("# refused")
    }
    assert {(fault.file, fault.line) for fault in checker(*FILES)} == expected
