"""Every type that `datatypes` gives connects and reads on a real IOC, with ophyd-async's own signals."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from beamwright_generator.resolve.types.datatype_rules import Kind, Served, Transport, field_type, value_type
from beamwright_generator.tables.record_types import menu, record_type, record_type_names
from tests.helpers.softioc import SoftIoc

READER = Path(__file__).with_name("signal_reader.py")
SIXTEEN = ["ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF"]


@dataclass(frozen=True)
class Variant:
    """One way to set a record up."""

    name: str
    record: str
    fields: Mapping[str, str] = field(default_factory=dict)
    infos: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        items = [f"field({key}, {json.dumps(value, ensure_ascii=False)})" for key, value in self.fields.items()]
        items += [f"info({key}, {json.dumps(value)})" for key, value in self.infos.items()]
        return f'record({self.record}, "V:{self.name}") {{ {" ".join(items)} }}\n'


def variants() -> Iterator[Variant]:
    for record in ("bi", "bo"):
        yield Variant(f"{record}:none", record)
        yield Variant(f"{record}:both", record, {"ZNAM": "Out", "ONAM": "In"})
        yield Variant(f"{record}:one", record, {"ZNAM": "Out", "ONAM": "In", "VAL": "1"})
        yield Variant(f"{record}:truth", record, {"ZNAM": "No", "ONAM": "YES"})
        yield Variant(f"{record}:done", record, {"ZNAM": "Done", "ONAM": "Acquire"})
        yield Variant(f"{record}:onam", record, {"ONAM": "On", "VAL": "1"})
        yield Variant(f"{record}:znam", record, {"ZNAM": "Off", "VAL": "1"})
        yield Variant(f"{record}:same", record, {"ZNAM": "X", "ONAM": "X", "VAL": "1"})
        yield Variant(f"{record}:blank", record, {"ZNAM": " ", "ONAM": "In"})
    for record in ("mbbi", "mbbo"):
        yield Variant(f"{record}:none", record)
        yield Variant(f"{record}:raw", record, {"DTYP": "Raw Soft Channel"})
        yield Variant(f"{record}:values", record, {"ZRVL": "0", "ONVL": "5"})
        yield Variant(f"{record}:two", record, {"ZRST": "Out", "ONST": "In", "VAL": "1"})
        yield Variant(f"{record}:gap", record, {"ZRST": "Out", "TWST": "In", "VAL": "1"})
        yield Variant(f"{record}:late", record, {"FRST": "Late"})
        yield Variant(f"{record}:double", record, {"ZRST": "A", "ONST": "B", "TWST": "A", "VAL": "2"})
        yield Variant(f"{record}:blank", record, {"ZRST": " ", "ONST": "B"})
        yield Variant(f"{record}:onlyblank", record, {"ZRST": " "})
        yield Variant(f"{record}:longest", record, {"ZRST": "a" * 25, "ONST": "b" * 25})
        yield Variant(f"{record}:odd", record, {"ZRST": '1x, "2"', "ONST": "Ö&ß"})
        yield Variant(f"{record}:all", record, {f"{word}ST": f"State {word}" for word in SIXTEEN} | {"VAL": "15"})
    for record in ("ai", "ao", "calc", "calcout"):
        yield Variant(f"{record}:prec", record, {"PREC": "3"})
    for element in menu("menuFtype"):
        for record in ("waveform", "aai", "aao"):
            yield Variant(f"{record}:{element}:1", record, {"FTVL": element})
            yield Variant(f"{record}:{element}:5", record, {"FTVL": element, "NELM": "5"})
            yield Variant(f"{record}:{element}:form", record, {"FTVL": element, "NELM": "5"}, {"Q:form": "String"})
        yield Variant(f"subArray:{element}:5", "subArray", {"FTVL": element, "MALM": "5"})
        yield Variant(f"subArray:{element}:1", "subArray", {"FTVL": element, "NELM": "5"})
    yield Variant("waveform:index", "waveform", {"FTVL": "10", "NELM": "0x10"})
    yield Variant("waveform:zero", "waveform", {"FTVL": "LONG", "NELM": "0"})
    for length in ("1", "2"):
        yield Variant(f"compress:{length}", "compress", {"NSAM": length})
        yield Variant(f"histogram:{length}", "histogram", {"NELM": length})
    for record in ("lsi", "lso", "printf"):
        yield Variant(f"{record}:size", record, {"SIZV": "300"})
    yield Variant("lso:text", "lso", {"DOL": json.dumps({"const": "x" * 80}), "SIZV": "100", "PINI": "YES"})


def case(answer: Served, transport: Transport, name: str) -> dict[str, Any]:
    return {
        "source": f"{transport}://{name}{answer.suffix}",
        "kind": answer.kind,
        "members": answer.members,
        "strict": answer.strict,
        "dtype": answer.dtype,
    }


VARIANTS = tuple(variants())
BASE_TYPES = tuple(name for name in record_type_names() if (known := record_type(name)) and known.module == "base")


@pytest.fixture(scope="module")
def ioc() -> Iterator[SoftIoc]:
    plain = "".join(f'record({name}, "T:{name}") {{}}\n' for name in BASE_TYPES)
    with SoftIoc(plain, "".join(variant.text for variant in VARIANTS), timeout=120) as running:
        yield running


def outcomes(ioc: SoftIoc, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ioc.run([sys.executable, str(READER)], json.dumps(cases)))
    return found


def complaints(answers: list[tuple[Served, dict[str, Any]]], found: list[dict[str, Any]]) -> list[str]:
    wrong: list[str] = []
    for (answer, asked), outcome in zip(answers, found, strict=True):
        shown = 16 if asked["source"].startswith("ca:") else None
        if "error" in outcome:
            wrong.append(f"{asked['source']} as {answer.kind}: {outcome['error']}")
        elif outcome["native"] != answer.native:
            wrong.append(f"{asked['source']} is served as {outcome['native']}, not {answer.native}")
        elif answer.states and outcome["choices"] != list(answer.states[:shown]):
            wrong.append(f"{asked['source']} has choices {outcome['choices']}, not {answer.states}")
    return wrong


@pytest.mark.parametrize("transport", Transport)
def test_every_field_of_every_base_record_type(ioc: SoftIoc, transport: Transport) -> None:
    answers = [
        (answer, case(answer, transport, f"T:{name}"))
        for name in BASE_TYPES
        if (known := record_type(name))
        for key in known.fields
        if isinstance(answer := field_type(name, key, {}, transport), Served)
    ]
    assert len(answers) > 2500
    assert complaints(answers, outcomes(ioc, [asked for _, asked in answers])) == []


@pytest.mark.parametrize("transport", Transport)
def test_values_of_records_in_many_settings(ioc: SoftIoc, transport: Transport) -> None:
    answers = [
        (answer, case(answer, transport, f"V:{variant.name}"))
        for variant in VARIANTS
        if isinstance(answer := value_type(variant.record, variant.fields, transport, variant.infos), Served)
    ]
    assert len(answers) > 120
    assert complaints(answers, outcomes(ioc, [asked for _, asked in answers])) == []


@pytest.mark.parametrize("transport", Transport)
def test_a_bool_connects_where_the_answer_says_so(ioc: SoftIoc, transport: Transport) -> None:
    answers = [
        (answer, case(answer, transport, f"V:{variant.name}") | {"kind": Kind.BOOL})
        for variant in VARIANTS
        if isinstance(answer := value_type(variant.record, variant.fields, transport, variant.infos), Served)
    ]
    found = outcomes(ioc, [asked for _, asked in answers])
    told = {asked["source"]: answer.takes_bool for answer, asked in answers}
    seen = {asked["source"]: "error" not in outcome for (_, asked), outcome in zip(answers, found, strict=True)}
    assert seen == told


LEFT_OUT = [
    ("ca://T:waveform", "str", "IndexError"),
    ("ca://V:lsi:size", "str", "IndexError"),
    ("pva://T:mbbi", "str", "IndexError"),
    ("ca://T:mbbi", "int", "TypeError"),
    ("pva://V:mbbo:values", "str", "IndexError"),
    ("pva://V:bi:znam", "str", "IndexError"),
    ("pva://T:calc.DTYP", "str", "IndexError"),
    ("pva://V:waveform:ENUM:5", "str array", "RemoteError"),
    ("pva://T:ai.SSCN", "str", "IndexError"),
]
"""PVs with the type of a signal that no answer gives, and the error of reading it."""


@pytest.fixture(scope="module")
def left_out(ioc: SoftIoc) -> dict[str, dict[str, Any]]:
    """What comes of reading them, all in one process; the signals are apart."""
    asked = [
        {"source": source, "kind": kind, "members": [], "strict": False, "dtype": ""} for source, kind, _ in LEFT_OUT
    ]
    return {one["source"]: outcome for one, outcome in zip(asked, outcomes(ioc, asked), strict=True)}


@pytest.mark.parametrize(("source", "error"), [(source, error) for source, _, error in LEFT_OUT])
def test_what_is_left_out_cannot_be_read(left_out: dict[str, dict[str, Any]], source: str, error: str) -> None:
    assert left_out[source]["error"].startswith(error)


def test_a_long_string_is_read_whole(ioc: SoftIoc) -> None:
    answers = {transport: value_type("lso", {}, transport) for transport in Transport}
    asked = [
        case(answer, transport, "V:lso:text") for transport, answer in answers.items() if isinstance(answer, Served)
    ]
    assert [one["value"] for one in outcomes(ioc, asked)] == [repr("x" * 80)] * 2


def test_base_refuses_a_state_of_26_bytes() -> None:
    with pytest.raises(RuntimeError, match=r"Can't set 'V:LONG\.ZRST'"):
        SoftIoc(f'record(mbbi, "V:LONG") {{ field(ZRST, "{"a" * 26}") }}').start()
