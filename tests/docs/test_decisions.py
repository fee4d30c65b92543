"""The code names the decisions that rule it, and no decision is without code."""

from __future__ import annotations

import re
from pathlib import Path

ROOTS = ("generator", "runtime", "templates", "twin")
NUMBERS = re.compile(r"\bADR((?:(?:,|\s+and)?\s+#?\s*\d{4})+)")
"""`ADR 0012, 0013 and 0014`, in a docstring or a comment, on one line or two."""


def numbers_in(text: str) -> set[str]:
    return {number for match in NUMBERS.finditer(text) for number in re.findall(r"\d{4}", match[1])}


def named(repository: Path) -> dict[str, list[str]]:
    """Return the modules that name each decision, by its number."""
    modules: dict[str, list[str]] = {}
    for path in sorted(path for root in ROOTS for path in (repository / root).rglob("*.py")):
        for number in numbers_in(path.read_text(encoding="utf-8")):
            modules.setdefault(number, []).append(str(path.relative_to(repository)))
    return modules


def decisions(repository: Path) -> set[str]:
    return {path.name.split("-")[0] for path in (repository / "docs" / "decisions").glob("[0-9]*.md")}


def test_numbers_are_found_in_a_list_and_over_a_line_break() -> None:
    assert numbers_in("ADR 0012, 0013\nand 0014 rule here. ADR 0020: a tree of 1000 and ADR\n# 0021.") == {
        "0012",
        "0013",
        "0014",
        "0020",
        "0021",
    }


def test_every_decision_is_named_by_the_code_that_it_rules(repository: Path) -> None:
    assert sorted(decisions(repository) - named(repository).keys()) == []


def test_no_code_names_a_decision_that_is_not_there(repository: Path) -> None:
    known = decisions(repository)
    assert {number: modules for number, modules in named(repository).items() if number not in known} == {}
