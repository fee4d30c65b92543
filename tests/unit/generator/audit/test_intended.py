"""What a class probably meant by a PV that is not there."""

from __future__ import annotations

import pytest

from beamwright_generator.audit.suggestion import likely


@pytest.mark.parametrize(
    ("attribute", "leaf", "meant"),
    [
        ("speed", "Velocity", "Speed"),
        ("offset_", "Off", "Offset"),
        ("direction_record", "Dir", "Direction"),
        ("exposure", "Spead", "Speed"),
        ("exposure", "Exposure", ""),
    ],
)
def test_a_record_that_is_called_or_spelt_alike(attribute: str, leaf: str, meant: str) -> None:
    assert likely(attribute, leaf, ["Speed", "Offset", "Direction"]) == meant
