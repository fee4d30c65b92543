"""Device prefixes: the longest beginning that ends with a macro, or with a separator in literal names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamwright_generator.basics.text_prefix import text_prefix
from beamwright_generator.resolve.naming.prefixes import (
    common_prefix,
    first_macro,
    leading_name,
    literal_prefix,
    macros_of,
    numbered,
    plain_macros,
)


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["$(P)$(R)A", "$(P)$(R)B"], "$(P)$(R)"),
        (["$(P)$(R)A", "$(P)B"], "$(P)"),
        (["$(P):A", "$(P):B"], "$(P):"),
        (["$(P):A", "$(P)A"], "$(P)"),
        (["$(P)"], "$(P)"),
        (["$(P)CH$(N)"], "$(P)CH$(N)"),
        (["$(P)CH$(N)_A", "$(P)CH$(N)_B"], "$(P)CH$(N)_"),
        (["$(P)CH$(N)_A", "$(P)X"], "$(P)"),
        (["$(P1)A", "$(P2)A"], ""),
        (["A:B", "A:C"], ""),
        (["$(P)-$(Q):A", "$(P)-$(Q):B"], "$(P)-$(Q):"),
    ],
)
def test_common_prefix(names: list[str], prefix: str) -> None:
    assert common_prefix(names) == prefix


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["A:B", "A:C"], "A:"),
        (["A:B"], "A:"),
        (["A-01:B:C", "A-01:B:D"], "A-01:B:"),
        (["A", "B"], ""),
        (["A"], ""),
        (["A:"], ""),
        (["AB:X", "AC:X"], ""),
    ],
)
def test_literal_prefix(names: list[str], prefix: str) -> None:
    assert literal_prefix(names) == prefix


def test_macros_with_defaults_compare_with_those_without() -> None:
    plain = plain_macros("$(P=X:)${R}A")
    assert plain.text == "$(P)$(R)A"
    assert plain.defaults == {"P": "X:"}
    assert plain_macros("A:B").text == "A:B"


def test_what_a_name_starts_with() -> None:
    assert first_macro("$(P)A") == "P"
    assert first_macro("${P}A") == "P"
    assert first_macro("A$(P)") is None
    assert first_macro("A") is None
    assert leading_name("A-01:B:C") == "A-01:"
    assert leading_name("A") == ""
    assert macros_of(["$(P)$(N)", "A", "$(N)$(M)"]) == ("P", "N", "M")


@pytest.mark.parametrize(
    ("suffixes", "found"),
    [
        (["ROI1:", "ROI2:"], ("ROI:", [1, 2])),
        (["CH10_A", "CH2_A"], ("CH_A", [10, 2])),
        (["TOP", "BOTTOM"], None),
        (["A1", "B2"], None),
        (["A1", "A01"], None),
        (["X1Y1", "X1Y2"], ("X1Y", [1, 2])),
    ],
)
def test_numbered(suffixes: list[str], found: tuple[str, list[int]] | None) -> None:
    assert numbered(suffixes) == found


@given(st.lists(st.text("AB:$()P-", max_size=8), min_size=1, max_size=5))
def test_a_prefix_begins_every_name(names: list[str]) -> None:
    for prefix in (text_prefix(names), common_prefix(names), literal_prefix(names)):
        assert all(name.startswith(prefix) for name in names)
