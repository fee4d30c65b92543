"""Loading against a real IOC: which records there are, what their fields hold, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from beamwright_generator.parse.database.loader import LoadedDatabase, LoadedRecord, load_database
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import MacroScope, written
from beamwright_generator.problems import Problems

BASE_TYPES = frozenset(
    {"aSub", "aai", "aao", "ai", "ao", "bi", "bo", "calc", "calcout", "compress", "dfanout", "event", "fanout"}
    | {"histogram", "int64in", "int64out", "longin", "longout", "lsi", "lso", "mbbi", "mbbiDirect", "mbbo"}
    | {
        "mbboDirect",
        "permissive",
        "printf",
        "sel",
        "seq",
        "state",
        "stringin",
        "stringout",
        "sub",
        "subArray",
        "waveform",
    }
)
STRING, MENUS, LINKS = 0, range(11, 14), range(14, 17)


def same_value(dbf: int, given: str, held: str) -> bool:
    """Compare a value as written with what the IOC gives back, which it writes in its own way."""
    if dbf == STRING or given == held:
        return given == held
    if dbf in LINKS:
        # A link comes back with its field name and its flags written out.
        wanted, got = given.split(), held.split()
        return (not wanted and not got) or wanted[0].removesuffix(".VAL") == got[0].removesuffix(".VAL")
    if dbf in MENUS:
        return given.isdigit()
    return number(given) == number(held)


def number(text: str) -> float:
    return float(int(text, 0)) if "x" in text.lower() else float(text or 0)


def give_values(
    files: DescriptionFiles, path: Path, search: list[Path]
) -> tuple[LoadedDatabase, dict[str, str], Problems]:
    """Load a file with a small number for every macro it asks for, also in what it includes."""
    macros: dict[str, str] = {}
    while True:
        problems = Problems()
        loaded = load_database(files, path, macros, search, problems)
        asked = {p.message.split()[1] for p in problems if p.code == "macro-undefined"} - set(macros)
        if not asked:
            return loaded, macros, problems
        for name in sorted(asked):
            macros[name] = str(1 + len(macros) % 7)


EXCUSED = r"Can't set|.*doesn't have a field|Did you mean|at or before|Failed to load"


def plain(said: str) -> list[str]:
    """Give the errors an IOC printed, but for those about a value that this record type or device does not take."""
    errors = re.findall(r"ERROR: *([^\n]*\S)", re.sub(r"\x1b\[[0-9;]*m", "", said))
    return [e for e in errors if not re.match(EXCUSED, e)]


def differences(loaded: LoadedDatabase, answer: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    if set(loaded.records) != set(answer["records"]):
        found.append(sorted(set(loaded.records) ^ set(answer["records"])))
    if sorted(loaded.aliases) != sorted(answer["aliases"]):
        found.append(("aliases", loaded.aliases, answer["aliases"]))
    not_taken = set(re.findall(r"Can't set '([^']*)\.(\w+)'", answer["said"]))
    for name, held in answer["records"].items():
        record = loaded.records.get(name) or LoadedRecord(name, "", None, 0)  # type: ignore[arg-type]
        if record.type != held["type"]:
            found.append((name, record.type, held["type"]))
        for field, (dbf, value) in held["fields"].items():
            if (name, field) not in not_taken and not same_value(dbf, record.fields[field].value, value):
                found.append((name, field, record.fields[field].value, value))
        if {key: info.value for key, info in record.infos.items()} != held["infos"]:
            found.append((name, held["infos"]))
    return found


def test_every_public_database_loads_as_in_an_ioc(corpus: Path, ioc) -> None:
    files = DescriptionFiles([corpus], corpus, Problems())
    search = sorted({path.parent for path in corpus.rglob("*.template")})
    accepted = refused = 0
    for path in sorted(corpus.rglob("*")):
        if path.suffix not in (".db", ".template"):
            continue
        loaded, macros, problems = give_values(files, path, search)
        if loaded.needs_msi or not {record.type for record in loaded.records.values()} <= BASE_TYPES:
            continue
        fields = {name: list(record.fields) for name, record in loaded.records.items()}
        answer = ioc.load(path, macros=written(macros), search=search, fields=fields)
        assert differences(loaded, answer) == [], path
        assert loaded.refused == bool(plain(answer["said"])), (path, answer["said"], list(problems))
        accepted += not loaded.refused
        refused += loaded.refused
    assert accepted >= 45
    assert refused >= 5


TRAPS = {
    "the last value wins, the first order stays": 'record(ai,"a"){field(EGU,"1") field(DESC,"x")}'
    'record(ai,"a"){field(PREC,"2") field(EGU,"3")}',
    "an appending body needs no type": 'record(ai,"a"){}\nrecord("*","a"){field(DESC,"x")}',
    "an appending body may name an alias": 'record(ai,"a"){alias("b")}\nrecord("*","b"){field(DESC,"x")}',
    "a body of the same type may name an alias": 'record(ai,"a"){alias("b")}\nrecord(ai,"b"){field(DESC,"x")}',
    "an alias may name an alias": 'record(ai,"a"){}\nalias("a","b")\nalias("b","c")',
    "an alias may be given twice": 'record(ai,"a"){alias("b")}\nalias("a","b")',
    "a deleted record takes its aliases along": 'record(ai,"a"){alias("b")}\nrecord(ai,"c")\nrecord("#","a"){}',
    "deleting an alias leaves the record": 'record(ai,"a"){alias("b")}\nrecord("#","b"){}',
    "a deleted record may come back with another type": 'record(ai,"a"){}\nrecord("#","a"){}\nrecord(bo,"a"){}',
    "escapes are translated": r'record(stringin,"a"){field(DESC,"\x41\"\\q\qz")}',
    "control characters can be written": r'record(stringin,"a"){field(DESC,"\a\b\e\f\n\r\t\v|")}',
    "a NUL ends a value": r'record(stringin,"a"){field(DESC,"a\061b")}',
    "a macro's value may hold what an undefined macro left": 'record(ai,"a"){field(DESC,"$(M)")}',
    "a field may hold numbers in hex": 'record(ai,"a"){field(PREC,0x5) field(HOPR,"1e3")}',
    "JSON links are written without blanks": 'record(ai,"a"){field(INP,{const: 3.5 })}',
    "an undefined macro in a comment is nothing": '# $(NONE)\nrecord(ai,"a") # $(NONE)\n{}',
}
REFUSED = {
    "a record type may not change": 'record(ai,"a"){}\nrecord(bo,"a"){}',
    "nothing can be added to what is not there": 'record("*","a"){}',
    "an alias may not be a record's name": 'record(ai,"a"){}\nrecord(ai,"b"){}\nalias("a","b")',
    "an alias may not stand for two records": 'record(ai,"a"){alias("x")}\nrecord(ai,"b"){}\nalias("b","x")',
    "an alias needs its record": 'alias("a","b")',
    "an undefined macro in a name": 'record(ai,"a$(NONE)"){}',
    "an undefined macro in a field": 'record(ai,"a"){field(DESC,"$(NONE)")}',
    "a missing include": 'include "none.db"\nrecord(ai,"a"){}',
    "text behind an include on its line comes first": 'record(ai,"a"){include "body.db"}\n',
}


@pytest.mark.parametrize("text", TRAPS.values(), ids=TRAPS)
def test_traps(text: str, ioc, files: DescriptionFiles, problems: Problems, put) -> None:
    path = put("a.db", text + "\n")
    loaded = load_database(files, path, {"M": "v$(N)", "N": "w"}, [], problems)
    fields = {name: list(record.fields) for name, record in loaded.records.items()}
    answer = ioc.load(path, macros="M=v$(N),N=w", fields=fields)
    assert not answer["refused"], answer["said"]
    assert not loaded.refused
    assert differences(loaded, answer) == []


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refusals(text: str, ioc, files: DescriptionFiles, problems: Problems, put) -> None:
    put("body.db", 'field(DESC,"x")\n')
    path = put("a.db", text + "\n")
    assert ioc.load(path, search=[path.parent])["refused"]
    assert load_database(files, path, {}, [path.parent], problems).refused
    assert problems.errors


def test_loads_share_one_record_map(ioc, files: DescriptionFiles, problems: Problems, put) -> None:
    first = put("a.db", 'record(ai,"a"){field(DESC,"1")}\n')
    second = put("b.db", 'record("*","a"){field(DESC,"2")}\nrecord(ai,"b")\n')
    loaded = load_database(files, first, {}, [], problems)
    load_database(files, second, {}, [], problems, into=loaded)
    answer = ioc.load(first, second, fields={"a": ["DESC"]})
    assert differences(loaded, answer) == []
    assert list(loaded.records) == ["a", "b"]
    assert str(loaded.records["a"].at) == "a.db:1:1"
    assert str(loaded.records["a"].fields["DESC"].at) == "b.db:1:17"


def test_includes_are_followed_as_in_an_ioc(
    ioc, files: DescriptionFiles, problems: Problems, put, tmp_path: Path
) -> None:
    put("one/body.db", 'field(DESC, "$(D)")\n')
    put("two/more.db", '\nrecord(bo,"$(P)b") {\n  field(DESC, "b")\n}\n')
    path = put("top/a.db", 'include "more.db"\nrecord(ai,"$(P)a") {\ninclude "$(BODY=body).db"\nfield(EGU, "x")\n}\n')
    search = [tmp_path / "one", tmp_path / "two"]
    loaded = load_database(files, path, {"P": "p:", "D": "d"}, search, problems)
    fields = {name: list(record.fields) for name, record in loaded.records.items()}
    answer = ioc.load(path, macros="P=p:,D=d", search=search, fields=fields)
    assert differences(loaded, answer) == []
    assert list(loaded.records) == ["p:b", "p:a"]
    assert str(loaded.records["p:b"].fields["DESC"].at) == "two/more.db:3:3"
    assert str(loaded.records["p:a"].fields["DESC"].at) == "one/body.db:1:1"
    assert str(loaded.records["p:a"].fields["EGU"].at) == "top/a.db:4:1"
    assert not len(problems)


def test_the_second_type_of_a_record_is_dropped(files: DescriptionFiles, problems: Problems, put) -> None:
    path = put("a.db", 'record(ai,"a"){field(DESC,"1")}\nrecord(bo,"a"){field(DESC,"2") field(ZNAM,"z")}\n')
    loaded = load_database(files, path, {}, [], problems)
    assert loaded.records["a"].type == "ai"
    assert {name: value.value for name, value in loaded.records["a"].fields.items()} == {"DESC": "1"}
    (problem,) = problems
    assert (problem.code, str(problem.at)) == ("record-type-conflict", "a.db:2:1")


def test_msi_substitutes_from_its_line_on(files: DescriptionFiles, problems: Problems, put) -> None:
    put("n.template", 'record(ai,"$(P)$(R)x") { field(DESC, "$(A=none)") }\n')
    path = put(
        "a.template",
        'include "n.template"\nsubstitute "R=1:,A=a"\ninclude "n.template"\nsubstitute "R=2:"\ninclude "n.template"\n',
    )
    loaded = load_database(files, path, {"P": "p:", "R": "0:"}, [], problems)
    assert {name: r.fields["DESC"].value for name, r in loaded.records.items()} == {
        "p:0:x": "none",
        "p:1:x": "a",
        "p:2:x": "a",
    }
    assert loaded.needs_msi
    assert not loaded.refused


def test_msi_expands_a_definition_by_itself_twice(files: DescriptionFiles, problems: Problems, put) -> None:
    """macLib leaves the reference that it finds on its second round, and the later load expands it."""
    path = put("a.template", 'substitute "R=$(R)1:"\nrecord(ai,"$(P)$(R)x")\n')
    loaded = load_database(files, path, {"P": "p:", "R": "r"}, [], problems)
    assert list(loaded.records) == ["p:r1:1:x"]


def test_include_names_see_the_environment(files: DescriptionFiles, problems: Problems, put, tmp_path: Path) -> None:
    put("lib/n.db", 'record(ai,"n$(HOME=)")\n')
    path = put("a.db", 'include "$(LIB)/n.db"\n')
    env = MacroScope({"LIB": str(tmp_path / "lib"), "HOME": "seen by names only"})
    loaded = load_database(files, path, {"LIB": "$(WHERE)"}, [], problems, env=env.inner({"WHERE": "lib"}))
    assert list(loaded.records) == ["n"]


def test_circles_of_includes_end(files: DescriptionFiles, problems: Problems, put) -> None:
    put("b.db", 'include "a.db"\n')
    loaded = load_database(files, put("a.db", 'include "b.db"\nrecord(ai,"a")\n'), {}, [], problems)
    assert loaded.refused
    assert [problem.code for problem in problems] == ["include-cycle"]


def test_deep_includes_end(files: DescriptionFiles, problems: Problems, put) -> None:
    for i in range(80):
        put(f"f{i}.db", f'include "f{i + 1}.db"\n')
    put("f80.db", 'record(ai,"a")\n')
    assert load_database(files, files.roots[0] / "f0.db", {}, [], problems).refused
    assert [problem.code for problem in problems] == ["include-too-deep"]


def test_multiplying_includes_end(
    files: DescriptionFiles, problems: Problems, put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beamwright_generator.parse.macros.msi.MOST_FILES", 500)
    for i in range(40):
        put(f"f{i}.db", f'include "f{i + 1}.db"\ninclude "f{i + 1}.db"\n')
    put("f40.db", "\n")
    assert load_database(files, files.roots[0] / "f0.db", {}, [], problems).refused
    assert "include-too-large" in {problem.code for problem in problems}


def test_files_outside_the_roots_are_not_read(
    files: DescriptionFiles, problems: Problems, put, tmp_path_factory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.db"
    outside.write_text('record(ai,"secret")\n')
    loaded = load_database(files, put("a.db", f'include "{outside}"\n'), {}, [], problems)
    assert loaded.records == {}
    assert [problem.code for problem in problems] == ["outside-roots"]


def test_names_that_no_file_can_have_are_not_found(files: DescriptionFiles, problems: Problems, put) -> None:
    loaded = load_database(files, put("a.db", f'include "{"x" * 300}"\nrecord(ai,"a")\n'), {}, [], problems)
    assert list(loaded.records) == ["a"]
    assert [problem.code for problem in problems] == ["include-missing"]
