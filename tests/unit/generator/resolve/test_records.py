"""What a plan may do with a record that has no partner."""

from __future__ import annotations

import pytest

from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import Access
from beamwright_generator.resolve.types.template_record import TemplateRecord, access_of


def record(kind: str, infos: dict[str, str] | None = None, **fields: str) -> TemplateRecord:
    return TemplateRecord("$(P)X", "X", kind, fields, infos or {}, Position("x.db"))


@pytest.mark.parametrize(
    ("made", "access"),
    [
        (record("ai"), Access.READ),
        (record("ao"), Access.READ_WRITE),
        (record("mbbo"), Access.READ_WRITE),
        (record("bo"), Access.READ_WRITE),
        (record("bo", ZNAM="Off", ONAM="On"), Access.READ_WRITE),
        (record("bo", ZNAM="Done", ONAM="Reset"), Access.COMMAND),
        (record("bo", ZNAM="Idle", ONAM="Go"), Access.COMMAND),
        (record("bo", ZNAM="Reset", ONAM="Reset"), Access.COMMAND),
        (record("bo", ZNAM="", ONAM=""), Access.READ_WRITE),
        (record("bo", ZNAM="Done", ONAM=""), Access.READ_WRITE),
        (record("bo", HIGH="1"), Access.COMMAND),
        (record("bo", HIGH="0"), Access.READ_WRITE),
        (record("bo", HIGH=""), Access.READ_WRITE),
        (record("bo", HIGH="$(HIGH)"), Access.READ_WRITE),
        (record("bi", ZNAM="Done", ONAM="Busy"), Access.READ),
        (record("busy"), Access.COMMAND),
        (record("seq"), Access.COMMAND),
        (record("fanout"), Access.COMMAND),
        (record("waveform"), Access.READ_WRITE),
        (record("waveform", INP="X CP"), Access.READ),
        (record("waveform", DTYP="asynOctetRead", INP="@asyn(P)"), Access.READ),
        (record("waveform", DTYP="asynOctetWrite", INP="@asyn(P)"), Access.READ_WRITE),
        (record("waveform", DTYP="asynFloat64ArrayOut", INP="@asyn(P)"), Access.READ_WRITE),
    ],
)
def test_access(made: TemplateRecord, access: Access) -> None:
    assert access_of(made) is access


@pytest.mark.parametrize(
    ("infos", "saved"),
    [
        ({}, False),
        ({"autosaveFields": "VAL"}, True),
        ({"autosaveFields": "DESC VAL PREC"}, True),
        ({"autosaveFields": "EVAL OVAL"}, False),
        ({"autosaveFields_pass0": "VAL"}, True),
    ],
)
def test_autosave_makes_a_setting(infos: dict[str, str], saved: bool) -> None:
    assert record("ao", infos).saved is saved
