"""Substitutions files of both dialects."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.database.substitutions import Substitutions, parse_substitutions
from beamwright_generator.parse.macros.maclib import MacroScope
from beamwright_generator.problems import Problems


def parse(text: str, problems: Problems, **options) -> Substitutions:
    return parse_substitutions(Source(Path("a.substitutions"), "a.substitutions", text), problems, **options)


def rows(text: str, problems: Problems, **options) -> list[tuple[str, list[dict[str, str]]]]:
    return [(block.file, [row.macros for row in block.rows]) for block in parse(text, problems, **options).templates]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('file a.db { {A=1, B="x y"} {A=2} }', [{"A": "1", "B": "x y"}, {"A": "2"}]),
        (
            'file "a.db"\n{\npattern {A, B}\n{1, "two words"}\n{3 4}\n}',
            [{"A": "1", "B": "two words"}, {"A": "3", "B": "4"}],
        ),
        ("file a.db { pattern {A B} {1} {} }", [{"A": "1"}, {}]),
        ("file a.db { pattern {A} }", []),
        ("file a.db { }", []),
        ("file a.db { {} }", [{}]),
        ("file a.db { {A=,B=2} {C=} }", [{"A": "", "B": "2"}, {"C": ""}]),
        ('global {X=1} file a.db { {A=1} global {Y="2"} {X=3} }', [{"X": "1", "A": "1"}, {"X": "3", "Y": "2"}]),
        ('file a.db { pattern {A} {"it\'s"} {"say \\"hi\\""} }', [{"A": '"it\'s"'}, {"A": '"say \\"hi\\""'}]),
        ('file a.db { # pattern {B}\npattern {A}\n# {0}\n{"1"} }', [{"A": "1"}]),
    ],
)
def test_rows(text: str, expected: list[dict[str, str]], problems: Problems) -> None:
    assert rows(text, problems) == [("a.db", expected)]
    assert not len(problems)


def test_quoted_values_expand_to_what_stands_in_the_quotes(problems: Problems) -> None:
    ((_, (row,)),) = rows('file a.db { pattern {A B} {"it\'s" "say \\"hi\\""} }', problems)
    scope = MacroScope(row)
    assert (scope.value("A"), scope.value("B")) == ("it's", 'say "hi"')


def test_globals_hold_for_the_rest_of_the_file_and_given_macros_for_all(problems: Problems) -> None:
    text = "file a.db { {A=1} } global {G=g} file b.db { {A=2} {G=h} }"
    assert rows(text, problems, given={"P": "p", "A": "0"}) == [
        ("a.db", [{"P": "p", "A": "1"}]),
        ("b.db", [{"P": "p", "A": "2", "G": "g"}, {"P": "p", "A": "0", "G": "h"}]),
    ]


def test_file_names_see_the_environment(problems: Problems) -> None:
    found = parse('file "$(TOP)/db/a.db" { {} }', problems, env=MacroScope({"TOP": "/top"}))
    assert (found.templates[0].file, found.templates[0].written_file) == ("/top/db/a.db", "$(TOP)/db/a.db")


def test_positions(problems: Problems) -> None:
    block = parse("\nfile a.db {\n  {A=1}\n  {A=2}\n}\n", problems).templates[0]
    assert [str(at) for at in (block.at, *(row.at for row in block.rows))] == [
        "a.substitutions:2:6",
        "a.substitutions:3:3",
        "a.substitutions:4:3",
    ]


def test_too_many_values_are_dropped(problems: Problems) -> None:
    assert rows("file a.db { pattern {A} {1 2} }", problems) == [("a.db", [{"A": "1"}])]
    assert [problem.code for problem in problems] == ["substitutions-values"]


@pytest.mark.parametrize(
    ("text", "macros", "word"),
    [
        ("file a.db { {A=1 B=2} }", {"A": "1", "B": "2"}, "missing comma"),
        ("file a.db { {A=$(X)} }", {"A": "$(X)"}, "unquoted text"),
        ("file a.db { {A='x y'} }", {"A": "x y"}, "single quotes"),
        ('file a.db { pattern {"A"} {1} }', {"A": "1"}, "quoted macro name"),
        ("file a.db { old {A=1} }", {"A": "1"}, "word before"),
        ("file a.db {\n  # note\n {A=1} }", {"A": "1"}, "indented comment"),
    ],
)
def test_dialects_that_differ(text: str, macros: dict[str, str], word: str, problems: Problems) -> None:
    assert rows(text, problems) == [("a.db", [macros])]
    (problem,) = problems
    assert problem.code == "substitutions-dialect"
    assert problem.message.startswith(word)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "file",
        "file a.db",
        "file a.db {",
        "file a.db { pattern {A",
        'file a.db { {A="} }',
        "file a.db { {A} }",
        "file a.db { {{A=1}} }",
        "global",
        "} {",
        "file a.db { pattern {A} {{1} }",
        "\0",
        "file a.db { = }",
        'file "a',
    ],
)
def test_syntax_errors(text: str, problems: Problems) -> None:
    parse(text, problems)
    assert "substitutions-syntax" in {problem.code for problem in problems}


def test_rows_before_an_error_count(problems: Problems) -> None:
    assert rows("file a.db { {A=1} }\nfile b.db { {A} }", problems) == [("a.db", [{"A": "1"}])]
    assert [str(problem.at) for problem in problems] == ["a.substitutions:2:15"]


fragments = st.sampled_from(
    ["file ", "a.db", "{", "}", "pattern", "global", "A", "=", ",", '"', "'", "\n", "#", "$(X)", "\\"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(fragments, max_size=30).map("".join))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    problems = Problems()
    found = parse(text, problems)
    assert all(row.at.line >= 1 for block in found.templates for row in block.rows)


def test_public_files(corpus: Path) -> None:
    count = 0
    for path in sorted(corpus.rglob("*.subst*")):
        problems = Problems()
        found = parse_substitutions(Source(path, path.name, path.read_text()), problems)
        assert not problems.errors, path
        count += sum(len(block.rows) for block in found.templates)
    assert count > 150
