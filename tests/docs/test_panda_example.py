"""The box of the example beamline: what type checkers say about plans for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.type_checkers import mypy_faults

pytestmark = pytest.mark.long

GUIDE = ROOT / "docs" / "panda.md"


def test_mypy_refuses_a_column_of_another_type_and_accepts_the_guide(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "plans" / "fly_exposures.py").read_text()
    wrong = tmp_path / "wrong_columns.py"
    for right, mistake in (
        ("np.ones(rows, np.uint16)", "np.ones(rows, np.float64)"),
        ("[SeqTrigger.IMMEDIATE]", '["Immediate"]'),
        ("exposures], np.uint32)", "exposures], np.int64)"),
    ):
        assert text.count(right) == 1
        text = text.replace(right, mistake)
    wrong.write_text(text)
    guide = tmp_path / "guide.py"
    guide.write_text("\n".join(re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)))
    assert "def wire" in guide.read_text()
    refused = [(fault.message.partition(" has ")[0], fault.code) for fault in mypy_faults(wrong, guide)]
    assert refused == [
        ('Argument "repeats" to "SeqTable"', "arg-type"),
        ("List item 0", "list-item"),
        ('Argument "time1" to "SeqTable"', "arg-type"),
    ]
