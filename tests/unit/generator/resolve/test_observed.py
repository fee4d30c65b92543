"""What observations decide, and what they leave to the descriptions."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from beamwright_generator.basics.source_text import Position
from beamwright_generator.parse.yaml.observation_file import ENUM, MISSING, Fact
from beamwright_generator.resolve.types.datatype_rules import value_type
from beamwright_generator.resolve.types.kinds import Answer, Kind, Served, Transport, Undecided
from beamwright_generator.resolve.types.observed_types import contradicts, native, sharpened
from beamwright_generator.resolve.types.template_record import TemplateRecord

CA, PVA = Transport.CA, Transport.PVA
ASYN = {"DTYP": "asynInt32"}


def record(
    kind: str, fields: Mapping[str, str] | None = None, infos: Mapping[str, str] | None = None
) -> TemplateRecord:
    return TemplateRecord("$(P)X", "X", kind, fields or {}, infos or {}, Position("x.template"))


def described(one: TemplateRecord, over: Transport = CA) -> Answer:
    return value_type(one.type, one.fields, over, one.infos)


def states(*choices: str) -> Fact:
    return Fact(ENUM, None, choices)


def judged(one: TemplateRecord, *facts: Fact | None, over: Transport = CA) -> Answer:
    return sharpened(one, described(one, over), facts, over)


@pytest.mark.parametrize("kind", ["mbbi", "mbbo"])
def test_observed_states_of_a_driver_are_strict(kind: str) -> None:
    answer = judged(record(kind, {**ASYN, "ZRST": "a"}), states("a", "b"), states("a", "b"))
    assert isinstance(answer, Served)
    assert (answer.kind, answer.states, answer.strict, answer.suffix) == (Kind.ENUM, ("a", "b"), True, "")


@pytest.mark.parametrize("other", [None, states("a", "c"), Fact(MISSING)])
def test_states_stay_open_while_a_device_is_unknown_or_differs(other: Fact | None) -> None:
    answer = judged(record("mbbo", {**ASYN, "ZRST": "a", "ONST": "z"}), states("a", "b"), other)
    assert isinstance(answer, Served)
    assert answer.driver_states
    assert answer.states == ("a", "z", "b", *(["c"] if other and other.choices else []))


def test_states_that_files_fix_are_theirs() -> None:
    fixed = record("mbbo", {"ZRST": "a", "ONST": "b"})
    assert judged(fixed, states("a", "b", "c")) == described(fixed)
    assert contradicts(described(fixed), fixed, states("a", "b", "c"), CA)
    assert not contradicts(described(fixed), fixed, states("a", "b", "", ""), CA)


@pytest.mark.parametrize(
    ("choices", "kind"), [(("No", "Yes"), Kind.BOOL), (("In", "Out"), Kind.ENUM), (("", ""), Kind.BOOL)]
)
def test_two_states_are_a_bool_by_the_usual_words(choices: tuple[str, ...], kind: Kind) -> None:
    answer = judged(record("bo", {**ASYN, "ZNAM": "No", "ONAM": "Yes"}), states(*choices))
    assert isinstance(answer, Served)
    assert answer.kind is kind


def test_a_record_without_states_gets_those_of_its_driver() -> None:
    brought = described(record("mbbo", ASYN))
    assert isinstance(brought, Served)
    assert brought.kind is Kind.DRIVER_STATES
    answer = judged(record("mbbo", ASYN), states("a", "b"))
    assert isinstance(answer, Served)
    assert (answer.kind, answer.strict) == (Kind.ENUM, True)
    assert judged(record("mbbo", ASYN), Fact("LONG")) == Served(Kind.INT, "LONG")
    for open_still in ([states()], [states("a"), None], [Fact("LONG"), None], [Fact("LONG"), states("a")]):
        assert judged(record("mbbo", ASYN), *open_still) == brought
    different = judged(record("mbbo", ASYN), states("a"), states("b"))
    assert different == Served(Kind.ENUM, "ENUM", states=("a", "b"), driver_states=True, observed=True)
    by_value = described(record("mbbi", ASYN))
    assert isinstance(by_value, Served)
    assert by_value.suffix == ".RVAL"
    assert judged(record("mbbi", ASYN), states()) == by_value


@pytest.mark.parametrize(
    ("over", "fact", "answer"),
    [
        (CA, Fact("DOUBLE", 100), Served(Kind.ARRAY, "DOUBLE[]", dtype="float64")),
        (CA, Fact("DOUBLE"), Served(Kind.FLOAT, "DOUBLE")),
        (CA, Fact("CHAR", 8), Served(Kind.ARRAY, "CHAR[]", dtype="uint8")),
        (CA, Fact("STRING", 8), Served(Kind.STR_ARRAY, "STRING[]")),
        (CA, Fact("STRING"), None),
        (CA, Fact(ENUM, 8), None),
        (PVA, Fact("uint16", 0), Served(Kind.ARRAY, "aH", dtype="uint16")),
        (PVA, Fact("str", 0), Served(Kind.STR_ARRAY, "as")),
        (PVA, Fact("image"), None),
        (PVA, Fact("bool", 0), None),
    ],
)
def test_an_array_whose_macros_have_no_value(over: Transport, fact: Fact, answer: Answer | None) -> None:
    trace = record("waveform", {"FTVL": "$(FTVL)", "NELM": "$(NELM)"})
    assert isinstance(described(trace, over), Undecided)
    assert judged(trace, fact, over=over) == (answer or described(trace, over))
    assert judged(trace, fact, None, over=over) == described(trace, over)


def test_text_in_an_array_of_characters_is_text() -> None:
    octets = record("waveform", {"FTVL": "$(FTVL)", "NELM": "9", "DTYP": "asynOctetRead"})
    assert judged(octets, Fact("CHAR", 9)) == Served(Kind.STR, "CHAR[]")


@pytest.mark.parametrize(
    ("fact", "answer"),
    [
        (Fact("LONG"), Served(Kind.INT, "LONG")),
        (Fact("STRING"), Served(Kind.STR, "STRING")),
        (states("a", "b"), Served(Kind.ENUM, "ENUM", states=("a", "b"), driver_states=True, observed=True)),
        (states(), None),
    ],
)
def test_a_record_type_that_nobody_knows(fact: Fact, answer: Answer | None) -> None:
    site = record("siteAverage")
    assert judged(site, fact) == (answer or described(site))


def test_devices_of_one_class_with_different_types_decide_nothing() -> None:
    trace = record("waveform", {"FTVL": "$(FTVL)", "NELM": "9"})
    assert judged(trace, Fact("DOUBLE", 9), Fact("LONG", 9)) == described(trace)


@pytest.mark.parametrize(
    ("kind", "fact", "over", "found"),
    [
        ("ai", Fact("DOUBLE"), CA, False),
        ("ai", Fact("LONG"), CA, True),
        ("ai", Fact("DOUBLE", 5), CA, True),
        ("ai", Fact("float64"), PVA, False),
        ("ai", Fact("int32"), PVA, True),
        ("ai", Fact("epics:nt/NTUnion:1.0"), PVA, True),
        ("ai", Fact(MISSING), CA, False),
        ("lsi", Fact("STRING"), CA, False),
        ("seq", Fact("DOUBLE"), CA, False),
        ("siteAverage", Fact("DOUBLE"), CA, False),
    ],
)
def test_a_contradiction_is_about_what_files_decide(kind: str, fact: Fact, over: Transport, found: bool) -> None:
    assert contradicts(described(record(kind), over), record(kind), fact, over) is found


@pytest.mark.parametrize(
    ("fact", "over", "found"),
    [
        (states("a"), CA, False),
        (states(), PVA, False),
        (Fact("LONG"), CA, False),
        (Fact("uint16"), PVA, False),
        (Fact("STRING"), CA, False),
        (Fact("DOUBLE"), CA, True),
        (Fact("LONG", 5), CA, True),
    ],
)
def test_states_that_a_driver_brings_may_be_a_number(fact: Fact, over: Transport, found: bool) -> None:
    assert contradicts(described(record("mbbo", ASYN), over), record("mbbo", ASYN), fact, over) is found


@pytest.mark.parametrize("kind", ["ai", "longin", "stringin", "int64in", "bi", "waveform"])
@pytest.mark.parametrize("over", [CA, PVA])
def test_natives_are_named_as_descriptions_name_them(kind: str, over: Transport) -> None:
    answer = described(record(kind, {"FTVL": "DOUBLE", "NELM": "5"}), over)
    assert isinstance(answer, Served)
    names = {"d": "float64", "i": "int32", "s": "str", "l": "int64", "ad": "float64", "DOUBLE[]": "DOUBLE"}
    fact = (
        states() if kind == "bi" else Fact(names.get(answer.native, answer.native), 5 if kind == "waveform" else None)
    )
    assert native(fact, over) == answer.native
