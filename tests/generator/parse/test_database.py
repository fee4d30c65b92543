"""Database texts, each trap by itself and each verdict asked of a real IOC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.database.database_text import (
    looks_like_substitutions,
    parse_body,
    parse_database,
    parse_field_definitions,
)
from beamwright_generator.parse.database.json_values import JsonError, read_json
from beamwright_generator.parse.database.loader import LoadedDatabase, merge
from beamwright_generator.parse.database.statements import (
    Breaktable,
    Database,
    Declaration,
    DeviceSupport,
    Include,
    Menu,
    Notation,
    Record,
    RecordField,
    RecordTypeDefinition,
    SearchPath,
    Substitute,
)
from beamwright_generator.problems import Problems

Read = Callable[[str], Database]


def info(value: str) -> str:
    return f'record(ai,"a"){{info(x,{value})}}'


JSON = [
    "{a:1}",
    "{a-b:1}",
    "{a.b:c}",
    '{"a":b}',
    "[1,]",
    "[a,b,]",
    "{a:{b:[1,2,{}]}}",
    "null",
    "true",
    "5",
    "+5",
    "5.",
    ".5",
    "0x1F",
    "-0x1F",
    "NaN",
    "+Infinity",
    "NaN2",
    "abc.d",
    "'sq'",
    "'s\"q'",
    '"a\\nb"',
    '"a\\x41b"',
    '"a\\x4"',
    '"a\\u0041"',
    '"a\\u004"',
    '"a\\1"',
    '"a\\q"',
    '"\\101"',
    '"a\\\\"',
    "{5:1}",
    "{true:1}",
    "{a:true,null:null}",
    "{,}",
    "[,]",
    "{a:1,,}",
    "{a:1}}",
    "a:b",
    "a/b",
    "*",
    '{a:"x\ty"}',
    "007",
    "1.5.3",
    "{a:007}",
    "{NaN:1}",
    "{Infinity:1}",
    "{a:+5,b:.5,c:5.,d:0x1f,e:1e5,f:1E-5,g:1.e5}",
    "{'a':'b'}",
    '"é"',
    "é",
    "{$a:1}",
    "{a_b:1,A9:2,_x:3,9a:4}",
    '"a\tb"',
    '"a\\\tb"',
    '"a\x01b"',
    '"a\x7fb"',
    '"a\\0b"',
    '"a\\\nb"',
]
TEXTS = [
    *(info(value) for value in JSON),
    info("[1 2]"),
    info("{a:1 b:2}"),
    info("{ a : 1 , # c\n b : 2 }"),
    'record(ai,"a")',
    "record(ai,a:b)",
    'record(ai,"a"),record(ai,"b")',
    'record(ai,"a"){field(DESC,"x"),field(EGU,"y")}',
    'record("*","q"){}',
    'record(ai,"a"){}record("*",a){field(DESC,"z")}',
    'record(*,"a"){}',
    'record("#","a"){}',
    'record(ai,"a b"){}',
    'record(ai,"a.b"){}',
    'record(ai,"a\tb"){alias("+c")}',
    'record(ai,""){}',
    'record(ai,"-a"){}',
    'record(ai,"$(P)"){}',
    "record(ai,'a'){}",
    'record(ai,"a"){field(DESC,$(X))}',
    'record(ai,"a"){field(DESC,"$(X)")}',
    'record(ai,"a"){field(DESC,"a\nb")}',
    'record(ai,"a"))',
    "foo(a,b)",
    'alias("a","b")',
    'record(ai,"a"){} alias("a","b") alias("b","c")',
    'record(ai,"a"){alias("a")}',
    'record(ai,"a"){alias("b")} record(ai,"b"){field(DESC,"q")}',
    'record(ai,"a"){}record(ai,"b"){alias("a")}',
    'record(ai,"a"){alias("x")}record(ai,"b"){alias("x")}',
    'record(ai,"a"){}record("#","a"){}record(bi,"a"){}',
    'record(ai,"a"){alias("b")}record("#","b"){}',
    'record(ai,"a"){alias("b")}record("#","a"){}',
    'record(ai,"a"){}record(bi,"a"){}',
    "breaktable(t){1 2 3 4}",
    'breaktable(u){"1",2 3,4}',
    "breaktable(v){1 2,,3 4}",
    "breaktable(w){1 2 3}",
    "breaktable(x){1 2}",
    "breaktable(y){1 a 3 4}",
    "breaktable(z){0x1 2 3 4}",
    "breaktable(n){1 2 3 2}",
    "breaktable(s){1 2 3 4 5 3}",
    "",
    "# comment only",
    'record(ai,"a"){%abc\n}',
    'grecord(ai,"a"){}',
    'record(ai,"a"){field("DESC","b")}',
    'record(ai,"a"){info("","b")}',
    'path "x" addpath "y" record(ai,"a")',
    '\ufeffrecord(ai,"a"){}',
    "menu(mn){}",
    'menu(mm){choice(a,"b")}',
    "recordtype(zz){}",
    'record(ai,"a"){field(DESC,"x") ; }',
    'record(ai,"a";"b")',
    'record(record,"a")',
    "record(ai,record)",
    'record(ai,"a"){field(DESC,field)}',
    'record(ai,"é"){}',
    'record(ai,"a"){ # c }\n}',
    'record(ai,"a\\"b"){}',
    'record (ai , "a" ) { field ( DESC , "x" ) }',
    'record(ai,"a"){field(DESC,"it\'s")}',
    "template(){}",
    'record(ai,"a"){field(DESC,5) field(PREC,0x3) field(EGU,null)}',
    'record(ai,"a"){} } record(ai,"b"){}',
    'record(ai,"a")#{\n{field(DESC,"x")}',
    'record(ai,"a"){}\n\0record(bad\nrecord(ai,"b"){}\n',
    'record(ai,"a"){}\nrecord(ai,"b")\0junk )(\n{}\nrecord(ai,"c"){}\n',
    'record(ai,"a"){field(DESC,"x\0y\n")}\nrecord(ai,"c"){}\n',
]
"""None ends inside a statement: an IOC that has an error to show there looks at a file it has closed, and dies."""


@pytest.mark.parametrize("text", TEXTS)
def test_an_ioc_agrees(text: str, ioc, put, tmp_path: Path) -> None:
    answer = ioc.load(put("a.db", text))
    problems, loaded = Problems(), LoadedDatabase()
    merge(parse_database(Source(tmp_path, "a.db", text), problems), loaded, problems)
    assert loaded.refused == answer["refused"], answer.get("said")
    assert loaded.refused == bool(problems.errors)
    if not loaded.refused:
        assert set(loaded.records) == set(answer["records"])
        assert sorted(loaded.aliases) == sorted(answer["aliases"])
        for name, record in loaded.records.items():
            assert record.type == answer["records"][name]["type"]
            assert {key: value.value for key, value in record.infos.items()} == answer["records"][name]["infos"]


def test_statements_keep_their_text_and_place(read: Read, problems: Problems) -> None:
    database = read(
        'record(ai, "$(P)a") {\n  field(DESC, "say \\"hi\\"")\n  field(PREC, 3)\n  info(Q:group, {a:{+id:"x"}})\n'
        '  alias("b")\n}\ngrecord("*", c)\n'
    )
    first, second = database.records
    assert (first.type, first.name, second.type, second.name, second.visible) == ("ai", "$(P)a", "*", "c", True)
    desc, prec = first.fields
    assert (desc.raw, desc.value, desc.form) == ('say \\"hi\\"', 'say "hi"', Notation.QUOTED)
    assert (prec.raw, prec.form) == ("3", Notation.BARE)
    assert [str(database.at(item)) for item in (first, desc, prec, *first.infos, *first.aliases, second)] == [
        "x.db:1:1",
        "x.db:2:3",
        "x.db:3:3",
        "x.db:4:3",
        "x.db:5:3",
        "x.db:7:1",
    ]
    assert first.infos[0].value == '{a:{"+id":"x"}}'
    assert read_json(first.infos[0].raw) == {"a": {"+id": "x"}}
    assert not len(problems)


def test_quotes_inside_a_default_do_not_end_a_string(read: Read, problems: Problems) -> None:
    record = read('record(ai, "$(P="x")$(R)") { field(DESC, "$(D="a,b")") field(EGU, $(E=mm)) }').records[0]
    assert record.name == '$(P="x")$(R)'
    assert [field.raw for field in record.fields] == ['$(D="a,b")', "$(E=mm)"]
    assert not len(problems)


def test_macros_in_the_place_of_syntax_are_named(read: Read, problems: Problems) -> None:
    database = read('$(SKIP=)record(ai,"a") { field(DESC, "x") $(MORE) }\n$(EXTRA=)\n')
    assert database.syntactic_macros == {"SKIP", "MORE", "EXTRA"}
    assert [macro.offset for macro in database.macros_in_syntax] == [0, 42, 52]
    assert [record.name for record in database.records] == ["a"]
    assert not len(problems)


def test_a_macro_in_the_place_of_syntax_counts_as_its_default(read: Read, problems: Problems) -> None:
    database = read('$(KIND=record)(ai,"a") {\n $(F=field)(DESC, "x")\n}\nrecord(bi,"b")')
    assert [(record.type, record.name) for record in database.records] == [("ai", "a"), ("bi", "b")]
    assert database.records[0].fields[0].name == "DESC"
    assert database.at(database.records[1]).line == 4
    assert not len(problems)


def test_reading_goes_on_after_an_error(read: Read, problems: Problems) -> None:
    database = read(
        'record(ai,"a") {\n field(DESC "x")\n field(EGU,"mm")\n}\nfoo bar\nrecord(bi,"b") {\n field(DESC,"y")\n'
        'record(bo,"c")\n'
    )
    assert [(record.name, len(record.fields)) for record in database.records] == [("a", 1), ("b", 1), ("c", 0)]
    assert database.refused_by_epics
    assert database.stopped_at == database.source.text.index('"x"')
    assert [str(problem.at) for problem in problems] == ["x.db:2:13", "x.db:5:1", "x.db:8:1"]


def test_a_raw_tab_in_a_value_is_refused_but_read(read: Read, problems: Problems) -> None:
    database = read('record(ai,"a") { field(DESC, "a\tb") field(EGU, "x") }')
    assert [field.raw for field in database.records[0].fields] == ["a\tb", "x"]
    assert [problem.code for problem in problems] == ["database-bad-character"]
    assert database.refused_by_epics


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('record(ai,"a") { field(DESC, "open) }\n', "database-string-open"),
        ('record(ai,"a") { field(INP, {a:1) }\n', "database-json"),
        ("field", "database-syntax"),
        ('record(ai,"a") { field(DESC', "database-syntax"),
        ('record(ai,"a") {', "database-syntax"),
        ("a\0", "database-syntax"),
        ('record(ai,"a\0b") { field(DESC,"\0") }', "database-string-open"),
        (info("[" * 10_000 + "]" * 10_000), "database-json"),
        (info('{"a":' * 10_000), "database-json"),
        ("$(" * 10_000, "database-syntax"),
        ("(" * 100_000, "database-syntax"),
        ('record(ai,"a"){field(DESC,"' + "$(x)" * 20_000, "database-string-open"),
        ('record(ai,"a"){field(INP,{a:"' + "$(x)" * 20_000, "database-json"),
        ('record(ai,"' + "x" * 1_000_000, "database-string-open"),
        ('record(ai,"a"){field(DESC,a:b)}', "database-syntax"),
        ('expand("f", id) { macro(P, "x") }', "database-syntax"),
    ],
)
def test_what_is_no_database_ends_in_a_problem(text: str, code: str, read: Read, problems: Problems) -> None:
    assert read(text).refused_by_epics
    assert code in {problem.code for problem in problems}


def test_a_file_of_something_else_gives_no_flood(read: Read, problems: Problems) -> None:
    read('record(ai "x")\n' * 5_000)
    assert len(problems) == 101


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('file "a.db" { {P=1} }', True),
        ("# comment\n\nfile a.db\n{\npattern {A} {1} }", True),
        ("global { A=1 }", True),
        ('record(ai, "file a {")', False),
        ("# file a {\n", False),
        ("file", False),
    ],
)
def test_substitutions_are_told_by_their_content(text: str, verdict: bool) -> None:
    assert looks_like_substitutions(text) is verdict


def test_definitions_are_read(read: Read, problems: Problems) -> None:
    database = read(
        'menu(m) { choice(mA, "A") choice(mB, "B") }\n'
        'recordtype(t) {\n include "dbCommon.dbd"\n %#include "x.h"\n field(VAL, DBF_STRING) { prompt("Value") size(40)'
        " menu(m) special(SPC_MOD) }\n}\n"
        'device(t, INST_IO, devT, "t dev")\ndriver(d) variable(v, int) variable(w) link("l", lif)\n'
        'breaktable(b) { 0 0, 10 20 }\npath "a:b" addpath "c"\ninclude "f.dbd"\nsubstitute "A=1"\n'
    )
    menu, record_type, device, *declarations, table, path, added, include, substitute = database.items
    assert isinstance(menu, Menu)
    assert menu.choices == (("mA", "A"), ("mB", "B"))
    assert isinstance(record_type, RecordTypeDefinition)
    assert isinstance(record_type.body[0], Include)
    (value,) = record_type.fields
    assert (value.name, value.type, value.size, value.attribute("menu")) == ("VAL", "DBF_STRING", 40, "m")
    assert device == DeviceSupport("t", "INST_IO", "devT", "t dev", device.offset)
    assert [d.arguments for d in declarations if isinstance(d, Declaration)] == [
        ("d",),
        ("v", "int"),
        ("w",),
        ("l", "lif"),
    ]
    assert isinstance(table, Breaktable)
    assert table.points == (("0", "0"), ("10", "20"))
    assert isinstance(path, SearchPath)
    assert isinstance(added, SearchPath)
    assert (path.folders, path.append, added.append) == ("a:b", False, True)
    assert isinstance(include, Include)
    assert isinstance(substitute, Substitute)
    assert database.needs_msi
    assert not len(problems)


def test_included_bodies_are_read(problems: Problems) -> None:
    body = parse_body(Source(Path("b"), "b", 'field(DESC, "x")\ninfo(a, "b")\n'), "r", problems)
    (appended,) = body.records
    assert (appended.type, appended.name, len(appended.body)) == ("*", "r", 2)
    fields = parse_field_definitions(Source(Path("c"), "c", 'field(A, DBF_LONG) { prompt("x") }'), problems)
    assert [field.name for field in fields if not isinstance(field, Include)] == ["A"]
    assert not len(problems)
    assert parse_body(Source(Path("d"), "d", 'field(DESC, "x") }'), "r", problems).refused_by_epics


def test_json_values_become_python_values() -> None:
    text = "{a:[1,0x10,-2.5,null,true,bare], 'b' : \"q\\u0041\\n\", # c\n c:{},}"
    assert read_json(text) == {"a": [1, 16, -2.5, None, True, "bare"], "b": "qA\n", "c": {}}
    with pytest.raises(JsonError):
        read_json("{} x")


def written(records: list[tuple[str, str, list[tuple[str, str]]]]) -> str:
    lines = []
    for kind, name, fields in records:
        lines.append(f'record({kind}, "{name}") {{')
        lines += [f'    field({field}, "{value}")' for field, value in fields]
        lines.append("}")
    return "\n".join(lines)


name_texts = st.from_regex(r"(\$\([A-Z]\)|[a-zA-Z0-9:_]){1,8}", fullmatch=True)
value_texts = st.from_regex(r'(\$\([A-Z](=[0-9])?\)|\\["\\n]|[a-zA-Z0-9 @(),{}\'#.]){0,12}', fullmatch=True)
field_lists = st.lists(st.tuples(st.from_regex("[A-Z]{1,4}", fullmatch=True), value_texts), max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["ai", "bo"]), name_texts, field_lists), max_size=4))
def test_what_is_printed_reads_back(records: list[tuple[str, str, list[tuple[str, str]]]]) -> None:
    problems = Problems()
    database = parse_database(Source(Path("x"), "x", written(records)), problems)
    found = [(r.type, r.name, [(f.name, f.raw) for f in r.fields]) for r in database.records]
    assert (found, list(problems)) == (records, [])


fragments = st.sampled_from(
    [
        "record(",
        "grecord(",
        "ai,",
        '"a"',
        ")",
        "{",
        "}",
        "field(",
        "DESC",
        "info(",
        "x,",
        '"v"',
        "(",
        "$(A)",
        "$(B=)",
        '${C="d"',
        "\\",
        "\n",
        "\t",
        "#",
        "include",
        "substitute",
        "alias(",
        "[",
        "]",
        "{a:",
        ",",
        "'",
        "breaktable(",
        "1",
        "menu(",
        "choice(",
        "recordtype(",
        "%",
        "\x00",
        "é",
        ".",
        "*",
        "path",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(fragments | st.text(max_size=5), max_size=40).map("".join))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    problems = Problems()
    database = parse_database(Source(Path("x"), "x", text), problems)
    assert database.refused_by_epics == (problems.errors > 0)
    for item in database.items:
        assert database.at(item).line >= 1


def test_broken_real_files_are_read_without_an_exception(corpus: Path) -> None:
    """Cut and splice real texts; every one must give a tree and a verdict."""
    texts = [path.read_text(errors="surrogateescape") for path in sorted(corpus.rglob("*.template"))][:40]
    seed = 12345
    for _ in range(1000):
        seed = (seed * 1103515245 + 12345) % 2**31
        one, other = texts[seed % len(texts)][:3000], texts[seed // 7 % len(texts)][:3000]
        cut, paste = seed // 13 % (len(one) + 1), seed // 17 % (len(other) + 1)
        text = one[:cut] + "\"'{}(),$#\0\t\\"[seed % 12] + other[paste:]
        problems = Problems()
        database = parse_database(Source(Path("x"), "x", text), problems)
        assert database.refused_by_epics == (problems.errors > 0)


def test_real_files_are_read(corpus: Path) -> None:
    """Every public database is read without a complaint, and every field's text is where its offset says."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if path.suffix not in (".db", ".template"):
            continue
        text = path.read_text(errors="surrogateescape").replace("\r\n", "\n")
        problems = Problems()
        database = parse_database(Source(path, path.name, text), problems)
        assert not list(problems), path
        assert len(database.records) == text.count("\nrecord") + text.startswith("record") + text.count(
            "\ngrecord"
        ) or (database.records)
        for record in database.records:
            for field in record.fields:
                assert isinstance(field, RecordField)
                assert text.startswith(field.raw, field.value_offset)
        count += isinstance(database.records[0] if database.records else None, Record)
    assert count > 100
