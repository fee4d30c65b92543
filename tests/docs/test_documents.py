"""What is said of the project itself is true: its rooms, its words, its paths, its versions."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

SCREEN_AND_A_HALF = 120
ONE_SCREEN = 80


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def package_folders(root: Path) -> list[str]:
    """Give the packages of a source root, from the one that it holds down, as paths in the repository."""
    return sorted(path.parent.relative_to(ROOT).as_posix() for path in root.rglob("__init__.py"))


SOURCE_ROOTS = sorted(folder for folder in ROOT.iterdir() if (folder / f"beamwright_{folder.name}").is_dir())
ROOMS = [room for root in SOURCE_ROOTS if root.name != "templates" for room in package_folders(root)]
ARCHITECTURE = "docs/architecture.md"


def first_cells(page: str, heading: str) -> list[str]:
    """Give what stands in backticks at the start of each row of the first table of a section."""
    section = re.split(r"^## ", read(page), flags=re.MULTILINE)
    (body,) = [part for part in section if part.startswith(f"{heading}\n")]
    return re.findall(r"^\| `([^`]+)` \|", body, re.MULTILINE)


def test_there_are_source_roots_and_rooms() -> None:
    assert {"generator", "templates", "runtime"} <= {root.name for root in SOURCE_ROOTS}
    assert "generator/beamwright_generator/parse" in ROOMS


def test_architecture_names_every_source_root_and_no_other() -> None:
    assert sorted(first_cells(ARCHITECTURE, "Source roots")) == [f"{root.name}/" for root in SOURCE_ROOTS]


def test_architecture_names_every_room_and_no_other() -> None:
    named = first_cells(ARCHITECTURE, "Rooms")
    assert len(named) == len(set(named))
    assert sorted(set(ROOMS) - set(named) - {"generated/beamwright_generated"}) == [], "rooms without a row"
    assert sorted(set(named) - set(ROOMS)) == [], "rows without a room"


def words() -> list[str]:
    return re.findall(r"^(\S.*)\n: ", read("docs/glossary.md"), re.MULTILINE)


def test_the_glossary_defines_each_word_once() -> None:
    defined = words()
    assert defined
    assert [word for word, times in Counter(word.lower() for word in defined).items() if times > 1] == []


def test_the_glossary_defines_what_is_indented_below_a_word() -> None:
    definitions = re.findall(r"^: ", read("docs/glossary.md"), re.MULTILINE)
    assert len(definitions) == len(words()), "a definition without a word above it"


def paths(page: str) -> list[str]:
    """Give what a page has in backticks or commands that reads as a path in the repository."""
    found = re.findall(r"(?<![\w/.<])(?:tests|docs|generator|examples|scripts)/[\w./-]*", read(page))
    return sorted({path.rstrip(".") for path in found if not path.endswith("/NAME")} - {"docs/"})


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_that_are_named_are_there(page: str) -> None:
    named = paths(page)
    assert named
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_commands_to_contribute_are_targets_of_make() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    called = {
        target
        for line in re.findall(r"\bmake ([a-z -]+?)(?= +#|`|;| &&|$)", read("CONTRIBUTING.md"), re.MULTILINE)
        for target in line.split()
    }
    assert {"environment", "test", "lint", "docs"} <= called
    assert sorted(called - targets) == []


@pytest.mark.parametrize(
    ("page", "lines"),
    [("README.md", SCREEN_AND_A_HALF), ("CONTRIBUTING.md", ONE_SCREEN)],
    ids=["README", "CONTRIBUTING"],
)
def test_the_first_pages_stay_short(page: str, lines: int) -> None:
    assert len(read(page).splitlines()) <= lines


def versions(pattern: str) -> list[str]:
    return re.findall(pattern, read("CHANGELOG.md"), re.MULTILINE)


def test_the_version_has_its_section_in_the_changelog() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert version in versions(r"^## \[([\d.]+)\]")


@pytest.mark.parametrize("page", ["docs/tour.md", "docs/how-to/pre-commit.md"])
def test_pages_show_the_latest_release(page: str) -> None:
    latest, *_ = versions(r"^## \[([\d.]+)\] - \d{4}-\d{2}-\d{2}$")
    shown = re.findall(r"^ +rev: v(\S+)$", read(page), re.MULTILINE)
    assert shown == [latest]
