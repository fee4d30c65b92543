"""What a twin serves is what a real IOC serves: every record, over CA and PVA, with its type, choices and limits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from beamwright_generator.basics.choices import Transport
from beamwright_generator.parse.database.loader import LoadedDatabase, LoadedRecord, load_database
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.types.datatype_rules import field_type, value_type
from beamwright_generator.resolve.types.kinds import Served
from beamwright_generator.tables.record_types import record_type
from beamwright_twin.description.beamline_description import describe
from beamwright_twin.description.soft_records import IocRecords, soften
from benchmarks.audit.served import running
from benchmarks.shared.databases import BASE_TYPES, Corpus
from benchmarks.shared.macro_values import load_of
from benchmarks.shared.softening import served_text
from tests.helpers.softioc import SoftIoc

pytestmark = pytest.mark.long

CLIENT = Path(__file__).with_name("served.py")
CA_TYPES = ("STRING", "SHORT", "FLOAT", "ENUM", "CHAR", "LONG", "DOUBLE")

Facts = Mapping[str, Mapping[str, Any]]


def facts(names: list[str], environment: Mapping[str, str], *, pva: list[str] | None = None) -> Facts:
    wanted = json.dumps({"ca": names, "pva": names if pva is None else pva})
    done = subprocess.run(
        [sys.executable, str(CLIENT)],
        input=wanted,
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Facts = json.loads(done.stdout)
    return found


class Descriptions(LoadedDatabase):
    """Records whose texts pytest need not print when a test fails."""

    def __repr__(self) -> str:
        return f"{len(self.records)} records"


def merged(databases: Mapping[str, LoadedDatabase]) -> LoadedDatabase:
    whole = Descriptions()
    for one in databases.values():
        whole.records |= one.records
        whole.aliases |= one.aliases
        whole.breaktables |= one.breaktables
    return whole


def load_corpus(folder: Path, every: int) -> LoadedDatabase:
    """Load every file of the corpus, or every second, third, ... of them."""
    corpus = Corpus.of(folder)
    loaded = Descriptions()
    for number, path in list(enumerate(corpus.paths, 1))[::every]:
        load = load_of(corpus, path, number)
        for template, macros in load.rows:
            alone = load_database(corpus.files, template, {**load.macros, **macros}, load.search, Problems())
            for name, record in alone.records.items():
                drop_what_base_refuses(record)
                loaded.records.setdefault(name, record)
    return loaded


def drop_what_base_refuses(record: LoadedRecord) -> None:
    """Drop texts that are too long for their field: an IOC reports them, and goes on without."""
    definition = record_type(record.type)
    for name, value in list(record.fields.items()):
        known = definition.fields.get(name) if definition else None
        if known is None or (known.dbf == "STRING" and len(value.value.encode()) >= known.size):
            del record.fields[name]


@pytest.fixture(scope="module", params=["x01", "some", pytest.param("all", marks=pytest.mark.soak)])
def loaded(request: pytest.FixtureRequest, repository: Path) -> LoadedDatabase:
    """The records of the example, or of some or all files of the corpus."""
    if request.param != "x01":
        return load_corpus(request.getfixturevalue("corpus"), every=1 if request.param == "all" else 4)
    problems = Problems()
    described = describe(repository / "examples" / "x01" / "beamline.yaml", problems)
    assert described is not None
    assert not problems.errors
    return merged(described.databases)


@pytest.fixture(scope="module")
def records(loaded: LoadedDatabase) -> IocRecords:
    return soften("all", loaded)


@pytest.fixture(scope="module")
def served(records: IocRecords) -> Iterator[dict[str, str]]:
    with running(records) as (ioc, environment):
        assert "rror" not in ioc.printed, ioc.printed
        yield environment


@pytest.fixture(scope="module")
def found(loaded: LoadedDatabase, served: dict[str, str]) -> Facts:
    """What the twin says of every record whose type is known."""
    return facts(known(loaded), served)


def known(loaded: LoadedDatabase) -> list[str]:
    return [name for name, record in loaded.records.items() if record_type(record.type) is not None]


def test_every_known_record_is_served(loaded: LoadedDatabase, records: IocRecords, found: Facts) -> None:
    names = known(loaded)
    assert list(records.types) == names
    assert len(names) >= len(loaded.records) * 0.99
    for protocol in ("ca", "pva"):
        assert [name for name in names if found[protocol][name] is None] == []


def test_base_types_are_served_as_by_a_soft_ioc(loaded: LoadedDatabase, found: Facts) -> None:
    written = written_by_records(loaded)
    names = [name for name, one in loaded.records.items() if one.type in BASE_TYPES and name not in written]
    assert len(written) < len(names) / 25
    with SoftIoc(served_text(loaded)) as real:
        expected = facts(names, real.environment)
    for protocol in ("ca", "pva"):
        different = [
            (name, loaded.records[name].type, expected[protocol][name], found[protocol][name])
            for name in names
            if expected[protocol][name] != found[protocol][name]
        ]
        assert different[:5] == []


def written_by_records(loaded: LoadedDatabase) -> set[str]:
    """Name records whose limits other records write: those that the twin has run already say something else."""
    links = (value.value for record in loaded.records.values() for value in record.fields.values())
    return {found[1] for link in links if (found := re.match(r"(\S+)\.(?:HIHI|HIGH|LOW|LOLO|HOPR|LOPR)\b", link))}


def fields_of(record: LoadedRecord, transport: Transport) -> Iterator[tuple[str, Served]]:
    """Give every PV of a record of a type that base lacks, with what the generator's tables say a real IOC serves."""
    definition = record_type(record.type)
    assert definition is not None
    fields = {name: value.value for name, value in record.fields.items()}
    infos = {name: value.value for name, value in record.infos.items()}
    for field in definition.fields:
        if field == "VAL":
            answer = value_type(record.type, fields, transport, infos)
        else:
            answer = field_type(record.type, field, fields, transport)
        if isinstance(answer, Served):
            yield record.name + answer.suffix, answer


def test_other_types_are_served_as_their_definitions_say(loaded: LoadedDatabase, served: dict[str, str]) -> None:
    foreign: dict[tuple[str, str], LoadedRecord] = {}
    for record in loaded.records.values():
        if record.type not in BASE_TYPES and record_type(record.type) is not None:
            # One record of each type and device support: the fields of the others are the same.
            foreign.setdefault((record.type, record.fields["DTYP"].value if "DTYP" in record.fields else ""), record)
    over_ca = {pv: answer for record in foreign.values() for pv, answer in fields_of(record, Transport.CA)}
    over_pva = {pv: answer for record in foreign.values() for pv, answer in fields_of(record, Transport.PVA)}
    assert len(over_ca) > 100
    found = facts(list(over_ca), served, pva=list(over_pva))
    natives = {pv: (native_ca(found["ca"][pv]), answer.native) for pv, answer in over_ca.items()}
    assert {pv: pair for pv, pair in natives.items() if pair[0] != pair[1]} == {}
    natives = {pv: (native_pva(found["pva"][pv]), answer.native) for pv, answer in over_pva.items()}
    assert {pv: pair for pv, pair in natives.items() if pair[0] != pair[1]} == {}
    choices = {
        # CA carries 16 choices of a menu at the most.
        pv: (tuple(found["ca"][pv]["enums"]), answer.states[:16])
        for pv, answer in over_ca.items()
        if answer.native == "ENUM" and answer.states
    }
    assert choices
    assert {pv: pair for pv, pair in choices.items() if pair[0] != pair[1]} == {}


def native_ca(fact: Mapping[str, Any] | None) -> str:
    return "" if fact is None else CA_TYPES[fact["datatype"]] + ("[]" if fact["element_count"] > 1 else "")


def native_pva(fact: Mapping[str, Any] | None) -> str:
    return "" if fact is None else "NTEnum" if "choices" in fact else str(fact["type"])
