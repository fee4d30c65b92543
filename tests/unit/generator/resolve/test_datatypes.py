"""The judgement of types, rule by rule; `test_datatypes_live` proves the answers against an IOC."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from beamwright_generator.resolve.types.datatype_rules import (
    Answer,
    Kind,
    NoDatatype,
    Served,
    Transport,
    Undecided,
    field_type,
    macros_in,
    value_type,
)

CA, PVA = Transport


def value(record: str, fields: Mapping[str, str], transport: Transport = CA, **infos: str) -> Answer:
    return value_type(record, fields, transport, {key.replace("_", ":"): text for key, text in infos.items()})


def served(answer: Answer) -> Served:
    assert isinstance(answer, Served), answer
    return answer


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ("ai", Kind.FLOAT),
        ("ao", Kind.FLOAT),
        ("calc", Kind.FLOAT),
        ("calcout", Kind.FLOAT),
        ("sub", Kind.FLOAT),
        ("sel", Kind.FLOAT),
        ("dfanout", Kind.FLOAT),
        ("scalcout", Kind.FLOAT),
        ("acalcout", Kind.FLOAT),
        ("swait", Kind.FLOAT),
        ("motor", Kind.FLOAT),
        ("epid", Kind.FLOAT),
        ("table", Kind.FLOAT),
        ("throttle", Kind.FLOAT),
        ("scaler", Kind.FLOAT),
        ("sscan", Kind.FLOAT),
        ("longin", Kind.INT),
        ("longout", Kind.INT),
        ("int64in", Kind.INT),
        ("int64out", Kind.INT),
        ("fanout", Kind.INT),
        ("seq", Kind.INT),
        ("sseq", Kind.INT),
        ("aSub", Kind.INT),
        ("asyn", Kind.INT),
        ("permissive", Kind.INT),
        ("mbbiDirect", Kind.INT),
        ("mbboDirect", Kind.INT),
        ("stringin", Kind.STR),
        ("stringout", Kind.STR),
        ("event", Kind.STR),
        ("state", Kind.STR),
        ("timestamp", Kind.STR),
        ("busy", Kind.BOOL),
        ("bi", Kind.BOOL),
        ("bo", Kind.BOOL),
    ],
)
def test_values_without_any_setting(record: str, kind: Kind, transport: Transport) -> None:
    answer = served(value(record, {}, transport))
    assert (answer.kind, answer.suffix) == (kind, "")


@pytest.mark.parametrize("record", ["lsi", "lso", "printf"])
def test_long_strings_need_their_characters_over_ca(record: str) -> None:
    assert value(record, {}) == Served(Kind.LONG_STR, "CHAR[]", suffix=".VAL$")
    assert value(record, {}, PVA) == Served(Kind.STR, "s")


@pytest.mark.parametrize(
    ("zero", "one", "kind"),
    [
        ("", "", Kind.BOOL),
        ("", "On", Kind.BOOL),
        ("No", "Yes", Kind.BOOL),
        ("OFF", "on", Kind.BOOL),
        ("Disable", "Enable", Kind.BOOL),
        ("Disabled", "Enabled", Kind.BOOL),
        ("False", "True", Kind.BOOL),
        ("Inactive", "Active", Kind.BOOL),
        ("0", "1", Kind.BOOL),
        ("Stop", "Start", Kind.BOOL),
        ("Done", "Acquire", Kind.BOOL),
        ("Idle ", "Moving", Kind.BOOL),
        ("Same", "Same", Kind.BOOL),
        ("Yes", "No", Kind.ENUM),
        ("Enable", "Disable", Kind.ENUM),
        ("Closed", "Open", Kind.ENUM),
        ("Not at limit", "At limit", Kind.ENUM),
    ],
)
@pytest.mark.parametrize("record", ["bi", "bo", "busy"])
def test_two_states(record: str, zero: str, one: str, kind: Kind) -> None:
    answer = served(value(record, {"ZNAM": zero, "ONAM": one}))
    assert answer == Served(kind, "ENUM", states=(zero, one))
    assert answer.takes_bool


def test_one_state_for_zero_is_a_string_over_ca_only() -> None:
    assert value("bi", {"ZNAM": "Off"}) == Served(Kind.STR, "ENUM", states=("Off",))
    assert isinstance(value("bi", {"ZNAM": "Off"}, PVA), NoDatatype)


def test_busy_has_labels_of_its_own() -> None:
    assert served(value("busy", {})).states == ("Done", "Busy")
    assert served(value("busy", {"ONAM": "Acquire"})).states == ("Done", "Acquire")


def test_states_in_order_with_what_an_enum_can_have_of_them() -> None:
    answer = served(value("mbbi", {"ZRST": "A", "TWST": "B", "THST": "A", "FRST": " "}, PVA))
    assert answer.kind is Kind.ENUM
    assert answer.states == ("A", "", "B", "A", " ")
    assert answer.members == ("A", "B")
    assert not answer.strict


def test_complete_states_are_a_contract_unless_a_driver_may_change_them() -> None:
    states = {"ZRST": "A", "ONST": "B"}
    assert served(value("mbbo", states)).strict
    driven = served(value("mbbo", {**states, "DTYP": "asynInt32"}))
    assert driven.driver_states
    assert not driven.strict
    assert served(value("mbbo", {**states, "DTYP": "$(DTYP)"})).driver_states
    assert served(value("bo", {"DTYP": "asynUInt32Digital"})).driver_states
    assert not served(value("busy", {"DTYP": "asynInt32"})).driver_states


def test_only_blank_states_are_a_string() -> None:
    assert served(value("mbbi", {"ZRST": " "})).kind is Kind.STR


@pytest.mark.parametrize("transport", Transport)
def test_no_states(transport: Transport) -> None:
    assert isinstance(value("mbbi", {}, transport), NoDatatype)
    assert isinstance(value("mbbi", {"DTYP": "Soft Channel"}, transport), NoDatatype)
    assert isinstance(value("mbbo", {"ONVL": "2"}, transport), NoDatatype)
    brought = served(value("mbbo", {"DTYP": "asynInt32"}, transport))
    assert (brought.kind, brought.states, brought.driver_states) == (Kind.DRIVER_STATES, (), True)
    assert value("mbbi", {"DTYP": "$(D)"}, transport) == Undecided(("D",))
    raw = served(value("mbbi", {"DTYP": "asynInt32"}, transport))
    assert (raw.kind, raw.suffix, raw.driver_states) == (Kind.INT, ".RVAL", True)
    number = served(value("mbbo", {}, transport))
    assert (number.kind, number.native) == (Kind.INT, "LONG" if transport is CA else "H")


def test_a_state_that_base_refuses() -> None:
    answer = value("mbbi", {"ZRST": "a" * 26, "ONST": "b"})
    assert isinstance(answer, NoDatatype)
    assert "ZRST" in answer.reason
    assert isinstance(value("bi", {"ONAM": "µ" * 13}), NoDatatype)


@pytest.mark.parametrize(
    ("element", "ca", "pva"),
    [
        ("CHAR", "uint8", "int8"),
        ("UCHAR", "uint8", "uint8"),
        ("SHORT", "int16", "int16"),
        ("USHORT", "int32", "uint16"),
        ("LONG", "int32", "int32"),
        ("ULONG", "float64", "uint32"),
        ("INT64", "float64", "int64"),
        ("UINT64", "float64", "uint64"),
        ("FLOAT", "float32", "float32"),
        ("DOUBLE", "float64", "float64"),
    ],
)
@pytest.mark.parametrize("record", ["waveform", "aai", "aao"])
def test_arrays_of_numbers(record: str, element: str, ca: str, pva: str) -> None:
    fields = {"FTVL": element, "NELM": "100"}
    assert (served(value(record, fields)).kind, served(value(record, fields)).dtype) == (Kind.ARRAY, ca)
    assert (served(value(record, fields, PVA)).kind, served(value(record, fields, PVA)).dtype) == (Kind.ARRAY, pva)
    scalar = served(value(record, {"FTVL": element}))
    assert scalar.kind is (Kind.FLOAT if element in ("FLOAT", "DOUBLE") else Kind.INT)


def test_arrays_of_strings() -> None:
    assert served(value("waveform", {"NELM": "2"})).kind is Kind.STR_ARRAY
    assert isinstance(value("waveform", {}), NoDatatype)
    assert value("waveform", {}, PVA) == Served(Kind.STR, "s")


def test_arrays_of_enums() -> None:
    assert served(value("waveform", {"FTVL": "ENUM", "NELM": "2"})) == Served(Kind.STR_ARRAY, "ENUM[]")
    assert isinstance(value("waveform", {"FTVL": "ENUM", "NELM": "2"}, PVA), NoDatatype)
    assert isinstance(field_type("aSub", "A", {"FTA": "ENUM", "NOA": "2"}, CA), NoDatatype)


@pytest.mark.parametrize("device", ["asynOctetRead", "asynOctetWrite", "asynOctetCmdResponse", "asynOctetWriteRead"])
def test_characters_are_text_with_octet_device_support(device: str) -> None:
    fields = {"FTVL": "CHAR", "NELM": "256", "DTYP": device}
    assert value("waveform", fields) == Served(Kind.STR, "CHAR[]")
    assert value("waveform", fields, PVA) == Served(Kind.STR, "ab")
    unsigned = {**fields, "FTVL": "UCHAR"}
    assert value("waveform", unsigned) == Served(Kind.STR, "CHAR[]")
    assert value("waveform", unsigned, PVA) == Served(Kind.ARRAY, "aB", dtype="uint8")


def test_characters_are_text_with_a_form() -> None:
    fields = {"FTVL": "CHAR", "NELM": "256"}
    assert value("waveform", fields, Q_form="String") == Served(Kind.STR, "CHAR[]")
    assert value("waveform", fields, PVA, Q_form="String") == Served(Kind.STR, "s")
    assert served(value("waveform", fields, Q_form="Hex")).kind is Kind.ARRAY


def test_lengths_of_other_arrays() -> None:
    assert served(value("compress", {"NSAM": "5"})).dtype == "float64"
    assert served(value("compress", {"NSAM": "1"})).kind is Kind.FLOAT
    assert served(value("histogram", {"NELM": "5"}, PVA)).dtype == "uint32"
    assert served(value("subArray", {"FTVL": "DOUBLE", "NELM": "1", "MALM": "5"})).kind is Kind.ARRAY
    assert served(value("subArray", {"FTVL": "DOUBLE", "NELM": "5"})).kind is Kind.FLOAT
    assert served(value("mca", {"NMAX": "2048"})).dtype == "int32"
    assert served(value("waveform", {"FTVL": "10", "NELM": "0x10"})).dtype == "float64"
    assert isinstance(value("waveform", {"FTVL": "FLOAT128", "NELM": "5"}), NoDatatype)
    assert served(field_type("acalcout", "AVAL", {"NELM": "5"}, CA)).dtype == "float64"
    assert isinstance(field_type("acalcout", "AVAL", {"NELM": "5", "SIZE": "NUSE"}, CA), NoDatatype)
    assert served(field_type("sscan", "D01DA", {}, PVA)).dtype == "float32"
    assert field_type("asyn", "ERRS", {}, CA) == Served(Kind.STR, "CHAR[]", suffix=".ERRS")


def test_macros_that_decide_a_type() -> None:
    array = Served(Kind.ARRAY, "DOUBLE[]", dtype="float64")
    assert value("waveform", {"FTVL": "DOUBLE", "NELM": "$(N=${M})"}) == Undecided(("N", "M"), array)
    assert value("waveform", {"FTVL": "$(TYPE)", "NELM": "5"}) == Undecided(("TYPE",))
    assert value("waveform", {"FTVL": "CHAR", "NELM": "5", "DTYP": "$(D)"}) == Undecided(("D",))
    assert value("bi", {"ZNAM": "$(OFF=Off)", "ONAM": "On"}) == Undecided(("OFF",))
    assert value("mbbi", {"ZRST": "$(A)", "ONST": "$(B)$(A)"}) == Undecided(("A", "B"))
    assert field_type("scaler", "S1", {"PREC": "$(P)"}, CA) == Undecided(
        ("P",), Served(Kind.INT, "DOUBLE", suffix=".S1")
    )
    assert macros_in("plain") == ()


def test_macros_that_decide_nothing() -> None:
    assert served(value("ai", {"INP": "$(X)", "PREC": "$(P)"})).kind is Kind.FLOAT


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    ("record", "name", "kind"),
    [
        ("motor", "RBV", Kind.FLOAT),
        ("motor", "DMOV", Kind.INT),
        ("motor", "MSTA", Kind.INT),
        ("motor", "SPMG", Kind.ENUM),
        ("motor", "EGU", Kind.STR),
        ("ai", "PREC", Kind.INT),
        ("ai", "PROC", Kind.INT),
        ("ai", "SEVR", Kind.ENUM),
        ("ai", "STAT", Kind.STR),
        ("ai", "DESC", Kind.STR),
        ("ai", "UTAG", Kind.INT),
        ("ai", "DTYP", Kind.STR),
        ("mbbiDirect", "B0", Kind.INT),
        ("scaler", "CNT", Kind.ENUM),
    ],
)
def test_fields(record: str, name: str, kind: Kind, transport: Transport) -> None:
    answer = served(field_type(record, name, {}, transport))
    assert (answer.kind, answer.suffix) == (kind, f".{name}")


@pytest.mark.parametrize(("record", "name"), [("ai", "INP"), ("calc", "CALC"), ("ai", "NAME")])
def test_long_fields_are_read_whole(record: str, name: str) -> None:
    assert field_type(record, name, {}, CA) == Served(Kind.LONG_STR, "CHAR[]", suffix=f".{name}$")
    assert field_type(record, name, {}, PVA) == Served(Kind.STR, "s", suffix=f".{name}")


@pytest.mark.parametrize(
    ("record", "name"), [("ai", "TIME"), ("ai", "CHEESE"), ("cheese", "VAL"), ("ai", "SSCN"), ("calc", "DTYP")]
)
def test_fields_that_are_left_out(record: str, name: str) -> None:
    for transport in Transport:
        answer = field_type(record, name, {}, transport)
        assert isinstance(answer, NoDatatype)
        assert answer.reason


def test_menus_of_a_site_are_no_contract() -> None:
    assert not served(field_type("ai", "SCAN", {}, CA)).strict
    assert served(field_type("ai", "PRIO", {}, CA)).strict


def test_wide_integers_over_ca_hang_on_a_precision() -> None:
    assert served(field_type("scaler", "S1", {}, CA)).kind is Kind.INT
    assert served(field_type("scaler", "S1", {"PREC": "3"}, CA)).kind is Kind.FLOAT
    assert served(field_type("scaler", "S1", {"PREC": "3"}, PVA)).kind is Kind.INT
    assert served(field_type("mca", "RMAP", {}, CA)).kind is Kind.FLOAT


def test_the_value_by_its_field_name() -> None:
    assert field_type("bi", "VAL", {}, CA) == value_type("bi", {}, CA)


def test_which_types_take_a_bool_differs() -> None:
    assert served(field_type("motor", "DMOV", {}, CA)).takes_bool
    assert not served(field_type("motor", "DMOV", {}, PVA)).takes_bool
    assert not served(value("longin", {})).takes_bool
    assert served(value("longin", {}, PVA)).takes_bool
    assert not served(value("mbbi", {"ZRST": "A"})).takes_bool
