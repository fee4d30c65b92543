"""What is recorded is read back as it was, with the line of every fact."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.source_text import Source
from beamwright_generator.observe.observation_text import observations_text
from beamwright_generator.parse.yaml.observation_file import (
    ENUM,
    MISSING,
    Fact,
    Observations,
    ObservedDevice,
    ObservedIoc,
    parse_observations,
)
from beamwright_generator.problems import Problems

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FACTS = st.one_of(
    st.builds(Fact, st.just(ENUM), st.none(), st.lists(TEXTS, max_size=4).map(tuple)),
    st.builds(Fact, st.sampled_from(["DOUBLE", "LONG", "float64", "image", ENUM]), st.integers(0, 10**9)),
    st.builds(Fact, st.sampled_from(["DOUBLE", "str", MISSING, "epics:nt/NTUnion:1.0", "structure"])),
)
DEVICES = st.builds(
    ObservedDevice,
    st.sampled_from(Transport),
    st.dictionaries(TEXTS, FACTS, min_size=1, max_size=4),
    st.dictionaries(TEXTS, FACTS, max_size=2),
)
IOCS = st.builds(ObservedIoc, st.booleans(), st.dictionaries(TEXTS, DEVICES, max_size=3))


def read(text: str) -> Observations | None:
    problems = Problems()
    found = parse_observations(Source(Path("observations.yaml"), "observations.yaml", text), problems)
    assert [str(problem) for problem in problems] == []
    return found


@given(st.dictionaries(TEXTS, IOCS, max_size=3))
def test_what_is_written_is_read_back(iocs: dict[str, ObservedIoc]) -> None:
    observations = Observations("x01", iocs)
    text = observations_text(observations)
    assert read(text) == observations
    assert observations_text(observations) == text


def test_the_order_of_records_is_kept_and_iocs_are_sorted() -> None:
    device = ObservedDevice(Transport.CA, {"b": Fact("LONG"), "a": Fact("LONG")}, {})
    text = observations_text(Observations("x", {"I2": ObservedIoc(True, {"Z:": device, "A:": device})}))
    assert [line.split(":")[0].strip(' "') for line in text.splitlines()[4:]] == [
        *("I2", "devices", "Z", "records", "b", "a", "A", "records", "b", "a"),
    ]


def test_a_fact_knows_its_line() -> None:
    text = (
        'observations: 1\nbeamline: x\niocs:\n  I1:\n    devices:\n      "P:":\n        records:\n          A: LONG\n'
    )
    found = read(text)
    assert found is not None
    fact = found.fact("I1", "P:", Transport.CA, "A")
    assert fact is not None
    assert str(fact.at) == "observations.yaml:8:14"
    assert found.fact("I1", "P:", Transport.PVA, "A") is None
