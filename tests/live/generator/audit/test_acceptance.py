"""Every verdict on every datatype is what comes of connecting: all records of EPICS base, over both protocols."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamwright_generator.audit.acceptance import STATES, Outcome, verdict
from beamwright_generator.audit.announcement import Announcement, announced
from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.source_text import Position
from beamwright_generator.python.declarations import DatatypeDeclaration, DatatypeForm
from beamwright_generator.resolve.types.template_record import TemplateRecord
from beamwright_generator.tables.record_types import record_type
from tests.helpers.softioc import SoftIoc
from tests.live.generator.resolve.test_datatypes_served import BASE_TYPES, VARIANTS

CLIENT = Path(__file__).with_name("acceptance_client.py")
PLAIN = (DatatypeForm.BOOL, DatatypeForm.INT, DatatypeForm.FLOAT, DatatypeForm.STR, DatatypeForm.STRINGS)
DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
WITH_EVERY_FIELD = ("ao", "mbbo", "calcout", "waveform", "lsi")

Pv = tuple[str, TemplateRecord, str]


def records() -> Iterator[TemplateRecord]:
    at = Position("records.db")
    for name in BASE_TYPES:
        yield TemplateRecord(f"T:{name}", f"T:{name}", name, {}, {}, at)
    for one in VARIANTS:
        yield TemplateRecord(f"V:{one.name}", f"V:{one.name}", one.record, one.fields, one.infos, at)


def pvs() -> Iterator[Pv]:
    for record in records():
        yield record.name, record, ""
        known = record_type(record.type)
        assert known is not None
        if record.name.startswith("T:") and record.type in WITH_EVERY_FIELD:
            for field in (*known.fields, "RTYP"):
                yield f"{record.name}.{field}", record, field
            for field in ("DESC", "VAL", "FLNK"):
                yield f"{record.name}.{field}$", record, f"{field}$"


def declarations(states: tuple[str, ...]) -> Iterator[tuple[DatatypeDeclaration, bool, str]]:
    """Give datatypes, whether it is a command, and what the client calls it."""
    yield DatatypeDeclaration(DatatypeForm.ANY, "command"), True, "command"
    for form in PLAIN:
        yield DatatypeDeclaration(form, form), False, form
    for dtype in DTYPES:
        yield DatatypeDeclaration(DatatypeForm.ARRAY, dtype, dtype=dtype), False, dtype
    some = tuple(dict.fromkeys(states))
    for enum in ("strict", "subset", "superset", "plain"):
        for asked in dict.fromkeys((some, some[:1], (*some, "Another"))):
            if asked:
                kind = enum if enum != "plain" else ""
                yield DatatypeDeclaration(DatatypeForm.ENUM, enum, kind, asked), False, enum


@pytest.fixture(scope="module")
def ioc() -> Iterator[SoftIoc]:
    plain = "".join(f'record({name}, "T:{name}") {{}}\n' for name in BASE_TYPES)
    with SoftIoc(plain, "".join(variant.text for variant in VARIANTS), timeout=280) as running:
        yield running


@pytest.mark.soak
@pytest.mark.parametrize("over", list(Transport))
def test_verdicts_are_what_comes_of_connecting(ioc: SoftIoc, over: Transport) -> None:
    asked: list[list[Any]] = []
    said: list[Outcome] = []
    open_for = 0
    for pv, record, field in pvs():
        answer = announced(record, field, over)
        if not isinstance(answer, Announcement):
            continue
        shown = answer.served.states if answer.native in STATES else ("One", "Two")
        for declared, command, name in declarations(shown):
            found = verdict(declared, command, [(pv, answer)], over).outcome
            if found in (Outcome.OPEN, Outcome.RUNTIME):
                open_for += 1
                continue
            asked.append([f"{over}://{pv}", name, declared.states])
            said.append(found)
    outcomes = json.loads(ioc.run([sys.executable, str(CLIENT)], json.dumps(asked)))
    wrong = [
        f"{pv} as {name} {states}: {one.value}, but {outcome or 'it connects and reads'}"
        for (pv, name, states), one, outcome in zip(asked, said, outcomes, strict=True)
        if (one is Outcome.CONNECTS) != (outcome is None)
    ]
    assert "\n".join(wrong) == ""
    assert set(said) == {Outcome.CONNECTS, Outcome.REFUSED}
    assert len(asked) > 8000
    assert open_for < len(asked) / 50
