"""The guide's code is accepted by the type checker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.type_checkers import mypy_faults

pytestmark = pytest.mark.long


def test_the_guide_is_typed(tmp_path: Path) -> None:
    guide = tmp_path / "guide.py"
    text = (ROOT / "docs" / "flying.md").read_text()
    guide.write_text("\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)))
    assert "def map_sample" in guide.read_text()
    assert mypy_faults(guide) == []
