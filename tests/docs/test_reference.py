"""The reference pages are complete: every problem code, every key of the beamline file, and nothing that is gone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from beamwright_generator.parse.yaml.beamline_file import (
    BeamlineFile,
    DatabaseEntry,
    DeviceOverride,
    GroupOverride,
    IocEntry,
    Overrides,
    RecordOverride,
    TemplateOverride,
    TwinEntry,
    WireEntry,
    json_schema,
)
from beamwright_generator.problems import CODES
from tests.helpers.paths import GOLDEN, REPORTED, ROOT

DOCS = ROOT / "docs"

ENTRIES: Mapping[str, type[BaseModel]] = {
    "The beamline": BeamlineFile,
    "An IOC": IocEntry,
    "A database": DatabaseEntry,
    "Overrides": Overrides,
    "A template": TemplateOverride,
    "A record": RecordOverride,
    "A device": DeviceOverride,
    "A group": GroupOverride,
    "A twin": TwinEntry,
    "A wire": WireEntry,
}
"""The headings of beamline-file.md, and what they document."""


def sections(page: str, marks: str) -> dict[str, str]:
    """Give the sections of a page by their headings of one depth."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, *parts = re.split(rf"^{marks} ", text, flags=re.MULTILINE)
    return {heading: body for heading, _, body in (part.partition("\n") for part in parts)}


def test_every_problem_code_is_documented() -> None:
    assert sorted(sections("problems.md", "###")) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_problem_says_how_bad_it_is_and_what_to_do(code: str) -> None:
    text = sections("problems.md", "###")[code]
    paths = (*GOLDEN.glob("*/problems.txt"), *(path for folder in REPORTED for path in folder.rglob("*problems.txt")))
    printed = "".join(path.read_text(encoding="utf-8") for path in paths)
    severities = set(re.findall(rf"(\w+)\[{code}\]: ", printed))
    said = re.match(r"\n\*([\w ]+)\.\* ", text)
    assert said is not None
    assert severities == set(said[1].lower().split(" or "))
    assert "\n\nWhat to do: " in text


def test_every_entry_of_the_schema_has_a_section() -> None:
    tables = {name for name, entry in json_schema()["$defs"].items() if entry["type"] == "object"}
    assert tables == {entry.__name__ for entry in ENTRIES.values()} - {"BeamlineFile"}
    assert list(sections("beamline-file.md", "##")) == list(ENTRIES)


@pytest.mark.parametrize("heading", ENTRIES)
def test_every_key_is_documented_with_its_default(heading: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", sections("beamline-file.md", "##")[heading], re.MULTILINE)
    fields = ENTRIES[heading].model_fields
    assert sorted(key for key, _ in rows) == sorted(fields)
    for key, default in rows:
        assert (default == "required") is fields[key].is_required(), key


@pytest.mark.parametrize("entry", ["ConnectionPolicy", "Transport", "Format", "SignalKind", "SignalType"])
def test_every_choice_is_documented(entry: str) -> None:
    text = (DOCS / "beamline-file.md").read_text(encoding="utf-8")
    assert [choice for choice in json_schema()["$defs"][entry]["enum"] if f"`{choice}`" not in text] == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_links_to_headings_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        there = (page.parent / target if target else page).read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", there, re.MULTILINE)
        }
        assert anchor in headings, f"{page.name} links to {target}#{anchor}"


def test_decisions_are_numbered_and_have_their_three_parts() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        parts = [heading for heading in headings[1:] if heading != "Considered"]
        assert parts == ["Context", "Decision", "Consequences"], page.name
        assert headings[0].startswith(f"{int(page.name[:4])}. "), page.name
