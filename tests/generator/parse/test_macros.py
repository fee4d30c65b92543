"""Macros against macLib itself, compiled."""

from __future__ import annotations

import pytest
from epicsmacrolib import MacroContext
from hypothesis import given, settings
from hypothesis import strategies as st

from beamwright_generator.parse.macros.maclib import (
    Defaults,
    ExpansionReport,
    MacroScope,
    Reference,
    expand,
    expand_lines,
    names,
    parse,
    parse_definitions,
    references,
    written,
)


def macro_library(text: str, definitions: str) -> str:
    context = MacroContext(use_environment=False)
    context.define_from_string(definitions)
    return context.expand(text)


CASES = [
    ("$(P)", "P=a"),
    ("${P}", "P=a"),
    ("$(Q$(P))", "P=a,Qa=7"),
    ("$(N=d$(P))", "P=x"),
    ("$(N=)x", ""),
    ("$(N,A=1,B=2)", "N=$(A)-$(B)"),
    ("$(N=d$(A),A=1)", ""),
    ("$(P,undefined)", "P=3"),
    ('$(D="a,b")', ""),
    ('$(D="ab")', ""),
    ("'$(P)' $(P)", "P=a"),
    ('\\$(P) "$(P)"', "P=a"),
    ("$(P)", "P=$(Q)b,Q=c"),
    ("$(P)", "P=x$(P)"),
    ("$(P)", "P=x$(Q),Q=y$(P)"),
    ("$(R)", "R=$(R)1:"),
    ("$(P)", "P='a b'"),
    ("$(P)", "P='$(Q)',Q=1"),
    ("$(P)", 'P="a,b"'),
    ("$(P)", "P=a\\,b"),
    ("$(N=a\\)b) z", ""),
    ("$(N=a\\)b) z", "N=1"),
    ("$(P", "P=1"),
    ("$(P=q", ""),
    ("${P} ${P=)}", "P=1"),
    ("${Q=)}", ""),
    ("$P $(P$)", "P=1"),
    ("$(A=$(B=$(C=3)))", ""),
    ("$(A=$(B=$(C=3)))", "B=9"),
    ("it's $(P)", "P=1"),
    ("a\\'b $(P)", "P=1"),
    ("$(P)$(N,A=1)$(P)", "P=x$(P),N=$(A)"),
    ("$(A)", "A=$(B,X=1),B=$(X)$(X)"),
    ("$(X)$(Y=1)$(X=2)", "P=1"),
    ("$(A)$(B)", "A=1,A=2,B="),
    ("$(A,A=2)", "A=1"),
    ("# $(P) in a comment", "P=1"),
]


@pytest.mark.parametrize(("text", "definitions"), CASES)
def test_expands_as_the_macro_library(text: str, definitions: str) -> None:
    assert expand(text, MacroScope(parse_definitions(definitions))) == macro_library(text, definitions)


@pytest.mark.parametrize(
    "definitions",
    [
        "a=1, b=x y ,c='p,q'",
        "a = 1 , b = 'x ' ,",
        "'a b'=2",
        "a\\=b=3",
        "=5",
        ",,a=1",
        "a='b",
        "a=\\",
        "a=b=c",
        "a=,b=",
        '"a"x=1',
        "",
    ],
)
def test_reads_definitions_as_the_macro_library(definitions: str) -> None:
    context = MacroContext(use_environment=False)
    assert parse_definitions(definitions) == context.definitions_to_dict(definitions)


def test_a_name_without_a_value_removes_the_macro() -> None:
    outer = MacroScope({"A": "1", "B": "2"})
    assert parse_definitions("A,C=3") == {"A": None, "C": "3"}
    assert outer.inner(parse_definitions("A,C=3")).raw() == {"B": "2", "C": "3"}
    assert "A" in outer


def test_undefined_references_stay_as_written() -> None:
    met = ExpansionReport()
    text = "$(P)$(R) ${S} $(T=4) $(Q$(P))"
    assert expand(text, MacroScope({"R": "r"}), met=met) == "$(P)r ${S} 4 $(Q$(P))"
    assert met.undefined == {"P": 0, "S": 9, "Q$(P)": 21}


def test_a_value_may_hold_an_undefined_reference() -> None:
    met = ExpansionReport()
    assert expand("$(A)$(A)", MacroScope({"A": "x$(B)"}), met=met) == "x$(B)x$(B)"
    assert met.undefined == {"B": 0}


def test_defaults_can_stay() -> None:
    assert expand("$(A=1) $(B=$(C))", MacroScope({"C": "c"}), defaults=Defaults.KEEP) == "$(A=1) $(B=c)"


def test_only_some_names_are_expanded() -> None:
    scope = MacroScope({"A": "1", "B": "2"})
    assert expand("$(A) $(B) $(C=3) $(D=$(A))", scope, only=frozenset({"A"})) == "1 $(B) $(C=3) $(D=1)"


def test_an_open_quote_ends_with_its_line() -> None:
    assert expand_lines("it's $(P)\n$(P)\n", MacroScope({"P": "1"})) == "it's $(P)\n1\n"


def test_names_in_defaults_and_computed_names_count() -> None:
    assert names("$(A=$(B)) $(C$(D)) $(E,F=$(G)) text $(H") == {"A", "B", "D", "E", "G", "H"}


def test_references_tell_what_they_are_made_of() -> None:
    first, second = references("a $(N=d) b $(M$(K),A=1)")
    assert (first.literal_name, first.default_text, first.start, first.end) == ("N", "d", 2, 8)
    assert second.literal_name is None
    assert len(second.scoped) == 1


def test_doubling_values_end() -> None:
    doubling = {f"A{i}": f"$(A{i + 1})$(A{i + 1})" for i in range(60)} | {"A60": "x"}
    assert len(expand("$(A0)", MacroScope(doubling))) < 5_000_000


def test_mutual_recursion_ends() -> None:
    met = ExpansionReport()
    scope = MacroScope({f"A{i}": "".join(f"$(A{j})" for j in range(12)) for i in range(12)})
    assert isinstance(expand("$(A0)", scope, met=met), str)
    assert met.recursive


@pytest.mark.parametrize("text", ["$(" * 20_000, "$(A=" * 20_000, "$(A,B=" * 5_000, "\\" * 9_999, "'$(" * 5_000])
def test_deep_nesting_ends(text: str) -> None:
    assert isinstance(expand(text, MacroScope({"A": "1"})), str)


piece = st.sampled_from(
    ["$(A)", "$(B)", "${C}", "$(D=x)", "$(D=$(A))", "$(A=z)", '"', "'", "\\", " ", "t", ",", "=", ")"]
)
texts = st.lists(piece, max_size=12).map("".join)
values = st.lists(st.sampled_from(["$(B)", "$(C)", "v", '"', " ", "\\", "'"]), max_size=5).map("".join)


@settings(max_examples=400, deadline=None)
@given(texts, values, values)
def test_expands_any_text_as_the_macro_library(text: str, a: str, b: str) -> None:
    context = MacroContext(use_environment=False)
    context.define(A=a, B=b, C="c")
    assert expand(text, MacroScope({"A": a, "B": b, "C": "c"})) == context.expand(text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_characters="$\0"), max_size=60))
def test_text_without_macros_is_left_alone(text: str) -> None:
    assert expand(text, MacroScope({"A": "1"})) == text
    assert references(text) == ()


@settings(max_examples=200, deadline=None)
@given(st.text("$(){}=,AB'\"\\ x", max_size=30))
def test_parsing_loses_nothing(text: str) -> None:
    assert "".join(piece.text for piece in parse(text)) == text
    assert all(text[p.start : p.end] == p.text for p in parse(text) if isinstance(p, Reference))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text("ABC", min_size=1), st.text("ab ,'\"\\=", max_size=8)))
def test_written_definitions_read_back(definitions: dict[str, str]) -> None:
    scope = MacroScope(parse_definitions(written(definitions)))
    assert {name: scope.value(name) for name in scope} == definitions
