"""Databases of the corpus become classes that type checkers accept and that connect, as the benchmark runs it.

`make test` takes every fourth of them, and `make soak` all.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beamwright_generator.basics.choices import Transport
from benchmarks.corpus.survey import Survey, explain, survey
from tests.helpers.paths import TESTS
from tests.helpers.type_checkers import standard_basedpyright, strict_mypy

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

CONNECT = TESTS / "helpers" / "connect_trees.py"


@pytest.fixture(scope="module", params=[4, pytest.param(1, marks=pytest.mark.soak)], ids=["some", "all"])
def every(request: pytest.FixtureRequest) -> int:
    """Which of the files are taken: every fourth, or every single one."""
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def found(every: int, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Survey:
    pytest.importorskip("pvxslibs", reason="no IOC to connect to: pvxslibs is not installed")
    return survey([corpus], tmp_path_factory.mktemp("survey"), every)


@pytest.fixture(scope="module")
def tree(found: Survey) -> Iterator[Path]:
    """The package of all files that generate, typed for CA, under a name that is not installed."""
    folder = found.trees[Transport.CA].folder
    installed, apart = folder / "beamwright_generated", folder / "corpus_generated"
    installed.rename(apart)
    for path in apart.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("beamwright_generated", "corpus_generated"), encoding="utf-8")
    yield folder
    apart.rename(installed)


def test_every_file_generates_or_epics_refuses_it_too(found: Survey, every: int) -> None:
    figures = {figure.name: figure.value for figure in found.figures()}
    why = "\n".join(explain(found))
    assert figures["files"] == figures["generated"] + figures["refused_by_epics_too"], why
    assert figures["refused_by_us_only"] == 0, why
    assert figures["tracebacks"] == 0, why
    assert figures["generated"] > 100 / every


@pytest.mark.parametrize("transport", Transport)
def test_records_become_signals_that_connect_and_read(found: Survey, transport: Transport, every: int) -> None:
    why = "\n".join(explain(found))
    assert found.signal_share(transport) > 0.99, why
    assert found.unconnected(transport) == [], why
    assert found.connected_share(transport) == 1.0, why
    assert len(found.signals[transport]) > 5_000 / every


def test_every_module_is_imported_and_every_class_connects_in_mock_mode(tree: Path, every: int) -> None:
    command = [sys.executable, "-W", "error", str(CONNECT), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    devices, modules = (int(word) for word in done.stdout.split() if word.isdigit())
    assert devices > 200 / every
    assert modules == len([*tree.rglob("*.py")])


def test_every_class_passes_mypy_strict(tree: Path) -> None:
    assert strict_mypy(tree, ".") == ""


def test_every_class_passes_basedpyright(tree: Path) -> None:
    assert standard_basedpyright(tree) == ""


ODD_FILES = {
    "good/cryo.db": b'record(ai, "$(P)T") { field(EGU, "\xb0C") field(PREC, "$(PREC)") }\n',
    "good/axis.DB": b'record(motor, "$(P)$(M)") { field(DTYP, "$(DTYP)") field(OUT, "@asyn($(PORT),0)") }\r\n',
    "good/trace.template": b'record(waveform, "$(P)W") { field(FTVL, "$(FTVL)") field(NELM, "$(N)") }\n',
    "good/traces.template": b'include "trace.template"\nsubstitute "P=$(P)2"\ninclude "trace.template"\n',
    "good/rows of text": b'file "trace.template" { pattern {P} {X:} }\n',
    "good/rows.db": b'file "trace.template" { pattern {P, N} {Y:, 4} {Z:, 5} }\n',
    "good/nothing.db": b"\0\1\2",
    "bad/tab.vdb": b'record(ai, "$(P)T") { field(DESC, "a\tb") }\n',
    "bad/other.db": "SQLite format".encode("utf-16"),
    "bad/vdct.vdb": b'template() { port(a, "b") }\n',
    "bad/rows.substitutions": b'file "cryo.db" { pattern {P {1} }\n',
    "bad/absent.substitutions": b'file "$(NOWHERE)/none.db" { pattern {P} {1} }\n',
}
UNTYPED = b'record(mbbi, "$(P)M") {}\n'


@pytest.mark.live
def test_odd_files_are_judged_as_epics_judges_them(tmp_path: Path) -> None:
    pytest.importorskip("pvxslibs", reason="no IOC to connect to: pvxslibs is not installed")
    for name, data in {**ODD_FILES, "good/untyped.db": UNTYPED}.items():
        path = tmp_path / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    work = tmp_path / "work"
    work.mkdir()
    found = survey([tmp_path / "odd"], work)
    why = "\n".join(explain(found))
    generated = {load.shown for load, run in zip(found.loads, found.runs, strict=True) if run.generates}
    assert generated == {name for name in ODD_FILES if name.startswith("good/") and "." in name} | {"good/untyped.db"}
    figures = {figure.name: figure.value for figure in found.figures()}
    assert (figures["refused_by_epics_too"], figures["refused_by_us_only"], figures["tracebacks"]) == (5, 0, 0), why
    assert [record.name for _, record in found.untyped(Transport.CA)] == [f"F{found.loads[-1].number}:M"], why
    assert figures["connected_share"] == figures["connected_share_pva"] == 1.0, why
    assert {record.type for load, record in found.records()} == {"ai", "motor", "waveform", "mbbi"}
