"""`gen audit`: what it prints in each form, and the code that it ends with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beamwright_generator.cli.gen import main
from beamwright_generator.problems import CODES
from tests.unit.generator.audit.audit_cases import CASES

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2


def gen(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


@pytest.fixture(autouse=True)
def in_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / "doubled_rbv")


DOUBLED = ("devices.py:Stats", "--against", "stats.template")


def test_errors_end_the_run_as_not_clean() -> None:
    result = gen(*DOUBLED)
    assert result.exit_code == NOT_CLEAN
    expected = (CASES / "doubled_rbv" / "problems.txt").read_text(encoding="utf-8")
    assert result.stderr == f"{expected}2 errors\n"
    assert result.stdout == "1 class, 3 signals audited\n"


def test_warnings_count_with_strict_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / "copied_suffix")
    arguments = ("devices.py:Slits", "--against", "slits.template")
    assert gen(*arguments).exit_code == CLEAN
    assert gen(*arguments, "--strict").exit_code == NOT_CLEAN
    assert gen(*arguments, "--strict", "--format", "sarif").exit_code == NOT_CLEAN


def test_notes_are_shown_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / "whole_module")
    arguments = ("devices.py", "--against", "gauge.template")
    assert "note[" not in gen(*arguments).stderr
    assert "note[audit-unplaced]: Valve is not audited" in gen(*arguments, "--notes").stderr
    assert gen(*arguments).stdout == "2 classes, 7 signals audited; 1 class in none of these databases\n"


def test_json_names_both_places() -> None:
    found = json.loads(gen(*DOUBLED, "--format", "json").stdout)
    assert (found["classes"], found["signals"], found["skipped"]) == (1, 3, 0)
    mean = found["findings"][1]
    assert mean["code"] == "audit-missing"
    assert mean["attribute"] == "mean"
    assert mean["pv"] == "$(P)$(R)MeanValue_RBV_RBV"
    assert mean["source"] == {"file": "devices.py", "line": 10, "column": 5}
    assert mean["database"] == {"file": "stats.template", "line": 2, "column": 1}


def test_sarif_has_rules_places_and_related_places(tmp_path: Path) -> None:
    target = tmp_path / "audit.sarif"
    result = gen(*DOUBLED, "--format", "sarif", "-o", str(target))
    assert result.exit_code == NOT_CLEAN
    assert result.stdout == ""
    document = json.loads(target.read_text(encoding="utf-8"))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["audit-missing", "audit-side-missing"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
        assert one["level"] == "error"
        (place,) = one["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "devices.py"
        assert place["physicalLocation"]["region"]["startLine"] in (9, 10)
        (related,) = one["relatedLocations"]
        assert related["physicalLocation"]["artifactLocation"]["uri"] == "stats.template"


def test_annotations_are_one_line_each() -> None:
    lines = gen(*DOUBLED, "--format", "github").stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        found = re.fullmatch(r"::error file=devices\.py,line=\d+,col=5,title=([\w-]+)::Stats\.\w+: .+%0Ahint: .+", line)
        assert found is not None
        assert found[1] in CODES


def test_what_cannot_be_audited_says_why() -> None:
    nothing = gen("no.such.module", "--against", "stats.template")
    assert nothing.exit_code == NOT_CLEAN
    assert "error[audit-source]: there is no source of a module no.such.module" in nothing.stderr
    no_class = gen("devices.py:Missing", "--against", "stats.template")
    assert "error[audit-source]: devices.py has no device class Missing" in no_class.stderr
    no_file = gen("devices.py", "--against", "missing.template")
    assert no_file.exit_code == USAGE
    assert "missing.template does not exist" in no_file.stderr


def test_a_prefix_says_where_the_device_is() -> None:
    elsewhere = gen(*DOUBLED, "--prefix", "$(P)OTHER:")
    assert elsewhere.exit_code == NOT_CLEAN
    assert "error[audit-unplaced]: Stats: none of its PVs is in stats.template" in elsewhere.stderr


@pytest.mark.long
def test_generated_classes_fit_their_own_beamline(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    result = gen(
        "beamwright_generated.devices", "--against", "examples/x01/beamline.yaml", "--strict", "--path", "generated"
    )
    assert result.exit_code == CLEAN, result.stderr
    assert re.match(r"\d\d classes, \d{3} signals audited", result.stdout)


def test_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "ran"
    (tmp_path / "devices.py").write_text(
        f"from pathlib import Path\n\nPath({str(mark)!r}).touch()\n\n"
        + (CASES / "doubled_rbv" / "devices.py").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    result = gen("devices:Stats", "--against", str(CASES / "doubled_rbv" / "stats.template"))
    assert result.exit_code == NOT_CLEAN
    assert "Stats.mean" in result.stderr
    assert not mark.exists()
