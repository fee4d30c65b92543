"""Boot scripts: what they load, and from where."""

from __future__ import annotations

from pathlib import Path

import pytest
from epicsmacrolib import split_iocsh_line
from hypothesis import given, settings
from hypothesis import strategies as st

from beamwright_generator.parse.boot.boot_script import LoadKind, Startup, read_startup
from beamwright_generator.parse.boot.shell_words import UnbalancedQuoteError, split_line
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems


@pytest.fixture
def boot(files: DescriptionFiles, problems: Problems, put):
    def boot(text: str, **env: str) -> Startup:
        startup = read_startup(files, put("ioc/st.cmd", text), problems, env=env)
        assert startup is not None
        return startup

    return boot


def loads(startup: Startup) -> list[tuple[str, dict[str, str | None]]]:
    return [(load.file, load.macros) for load in startup.loads]


def agrees_with_the_shell(line: str) -> bool:
    shell = split_iocsh_line(line)
    try:
        words, script = split_line(line)
    except UnbalancedQuoteError:
        return bool(shell.error)
    redirect = (shell.redirects or {}).get(0)
    return not shell.error and words == shell.argv and (redirect is None or script == redirect.name)


LINES = [
    'dbLoadRecords("a.db","P=1,R=\'x y\'")',
    "dbLoadRecords a.db P=z",
    "< envPaths",
    "<envPaths",
    "cmd a > file",
    "cmd a>>b 2>c",
    'cmd "a',
    "cmd 'a\"b' c",
    "a(b,,c)",
    'cmd a"b"c',
    'foo "" 3',
    'foo("a" # x',
    'dbLoadRecords("x", "P=\\$(P)")',
    "foo 'a\\b'",
    "foo a\\,b",
    "a2>b c",
    "",
]


@pytest.mark.parametrize("line", LINES)
def test_lines_split_as_in_the_shell(line: str) -> None:
    assert agrees_with_the_shell(line)


@settings(max_examples=300, deadline=None)
@given(st.text("ab \"'\\(),", max_size=14))
def test_any_line_splits_as_in_the_shell(line: str) -> None:
    assert line.endswith("\\") or agrees_with_the_shell(line)


def test_loads_and_their_environment(boot, files: DescriptionFiles, put, tmp_path: Path) -> None:
    put("db/a.db", "")
    put("ioc/rows.substitutions", "")
    startup = boot(
        "#!../bin/x\n# comment $(NONE)\n#- quiet\n"
        'epicsEnvSet("P", "BL01:")\nepicsEnvSet EPICS_DB_INCLUDE_PATH $(TOP)/db:.\nputenv("Q=q")\n'
        'dbLoadDatabase("dbd/x.dbd")\nx_registerRecordDeviceDriver pdbbase\n'
        'drvConfigure("PORT1", 0)\n'
        'dbLoadRecords("a.db", "P=$(P),R=\\$(LATER)")\n'
        'dbLoadTemplate rows.substitutions "Q=$(Q)"\niocInit()\n',
        TOP=str(tmp_path),
    )
    definitions, records, rows = startup.loads
    assert [load.kind for load in startup.loads] == [LoadKind.DEFINITIONS, LoadKind.RECORDS, LoadKind.TEMPLATE]
    assert (records.file, records.macros) == ("a.db", {"P": "BL01:", "R": "\\$(LATER)"})
    assert records.search == (tmp_path / "db", Path())
    assert records.find(files) == tmp_path / "db/a.db"
    assert (rows.macros, rows.find(files)) == ({"Q": "q"}, tmp_path / "ioc/rows.substitutions")
    assert definitions.find(files) is None
    assert str(records.at) == "ioc/st.cmd:10:1"
    assert [(command.name, command.arguments) for command in startup.commands] == [
        ("x_registerRecordDeviceDriver", ("pdbbase",)),
        ("drvConfigure", ("PORT1", "0")),
        ("iocInit", ()),
    ]
    assert startup.environment["P"] == "BL01:"


def test_a_line_with_an_undefined_macro_is_skipped(boot, problems: Problems) -> None:
    startup = boot('dbLoadRecords("a.db", "P=$(NONE)")\n  dbLoadRecords("b.db", "P=$(NONE=x)")\n')
    assert loads(startup) == [("b.db", {"P": "x"})]
    (problem,) = problems
    assert (problem.code, str(problem.at)) == ("boot-macro-undefined", "ioc/st.cmd:1:1")
    assert "NONE" in problem.message


def test_single_quotes_keep_macros_for_the_database(boot) -> None:
    assert loads(boot("dbLoadRecords('a.db', 'P=$(LATER)')\n")) == [("a.db", {"P": "$(LATER)"})]


def test_scripts_run_in_the_shell_that_runs_them(boot, put, problems: Problems) -> None:
    put("ioc/env.cmd", "epicsEnvSet(A, 1)\n")
    put("ioc/load.cmd", 'dbLoadRecords("$(F).db", "A=$(A)")\nepicsEnvSet(B, $(F))\n')
    startup = boot(
        '< env.cmd\niocshLoad("load.cmd", "F=x,A=2")\ndbLoadRecords("$(B).db", "A=$(A)")\n'
        'dbLoadRecords("$(F)")\niocshRun("dbLoadRecords r$(N)", "N=1")\niocshRun(\'dbLoadRecords r$(N)\', "N=1")\n'
    )
    assert loads(startup) == [("x.db", {"A": "2"}), ("x.db", {"A": "1"}), ("r1", {})]
    assert [str(load.at) for load in startup.loads] == ["ioc/load.cmd:1:1", "ioc/st.cmd:3:1", "ioc/st.cmd:6:1"]
    assert [str(problem.at) for problem in problems] == ["ioc/st.cmd:4:1", "ioc/st.cmd:5:1"]


def test_folders_change(boot, files: DescriptionFiles, put, tmp_path: Path, problems: Problems) -> None:
    put("db/a.db", "")
    put("db/more.cmd", 'dbLoadRecords("a.db")\n')
    startup = boot('cd "../db"\n< more.cmd\ncd nowhere\n')
    assert [load.find(files) for load in startup.loads] == [tmp_path / "db/a.db"]
    assert [problem.code for problem in problems] == ["boot-folder-missing"]


def test_missing_paths_of_the_build_get_a_hint(boot, problems: Problems) -> None:
    assert loads(boot('< envPaths\ndbLoadRecords("$(TOP)/db/a.db")\n')) == []
    first, second = problems
    assert (first.code, "TOP" in first.hint) == ("boot-file-missing", True)
    assert second.code == "boot-macro-undefined"


def test_loads_after_the_start_are_refused(boot, problems: Problems) -> None:
    assert loads(boot('iocInit\ndbLoadRecords("a.db")\n')) == []
    assert [problem.code for problem in problems] == ["boot-late-load"]


def test_circles_end(boot, put, problems: Problems) -> None:
    put("ioc/a.cmd", "< st.cmd\n")
    boot("< a.cmd\n")
    assert [problem.code for problem in problems] == ["boot-cycle"]


def test_multiplying_scripts_end(boot, put, problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beamwright_generator.parse.boot.boot_script.MOST_SCRIPTS", 200)
    for i in range(30):
        put(f"ioc/s{i}.cmd", f"< s{i + 1}.cmd\n< s{i + 1}.cmd\n")
    put("ioc/s30.cmd", "\n")
    boot("< s0.cmd\n")
    assert "boot-cycle" in {problem.code for problem in problems}


def test_scripts_outside_the_roots_are_not_read(boot, problems: Problems, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.cmd"
    outside.write_text('dbLoadRecords("secret.db")\n')
    assert loads(boot(f"< {outside}\n")) == []
    assert [problem.code for problem in problems] == ["outside-roots"]


def test_the_environment_of_this_process_is_not_seen(boot, problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    assert loads(boot('dbLoadRecords("$(SECRET).db")\n')) == []
    assert len(problems) == 1


@settings(max_examples=200, deadline=None)
@given(st.text("ab<>$(){}\"'\\,= #\n\0", max_size=40))
def test_any_script_is_read_without_an_exception(tmp_path_factory, text: str) -> None:
    problems = Problems()
    folder = tmp_path_factory.mktemp("boot")
    (folder / "st.cmd").write_text(text)
    startup = read_startup(DescriptionFiles([folder], folder, problems), folder / "st.cmd", problems)
    assert startup is not None
    assert startup.loads == ()
