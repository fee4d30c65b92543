"""The `gen` command: what it prints, writes, leaves alone, and the code it ends with."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.helpers import generator_site as site
from tests.unit.generator.conftest import Gen

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
PACKAGE = Path("generated/beamwright_generated")
WRITTEN = {
    "README.md",
    "__init__.py",
    "_manifest.json",
    "beamlines/__init__.py",
    "beamlines/b01.py",
    "devices/__init__.py",
    "devices/pump.py",
    "py.typed",
    "ruff.toml",
}


def generated(folder: Path) -> set[str]:
    return set(site.snapshot(folder / PACKAGE))


# -- writing


def test_the_first_run_writes_everything_and_says_so(gen: Gen, folder: Path) -> None:
    result = gen("beamline")
    assert result.exit_code == CLEAN
    assert generated(folder) == WRITTEN
    assert result.stdout.splitlines() == [
        "wrote    generated/beamwright_generated/README.md",
        "wrote    generated/beamwright_generated/__init__.py",
        "wrote    generated/beamwright_generated/beamlines/__init__.py",
        "wrote    generated/beamwright_generated/beamlines/b01.py",
        "wrote    generated/beamwright_generated/devices/__init__.py",
        "wrote    generated/beamwright_generated/devices/pump.py",
        "wrote    generated/beamwright_generated/py.typed",
        "wrote    generated/beamwright_generated/ruff.toml",
        "b01: 1 device, 1 class in 1 module",
    ]
    assert result.stderr == ""


def test_a_second_run_touches_nothing(gen: Gen, folder: Path) -> None:
    gen("beamline")
    before = {path: path.stat().st_mtime_ns for path in (folder / PACKAGE).rglob("*")}
    result = gen("beamline")
    assert result.exit_code == CLEAN
    assert result.stdout.splitlines() == ["b01: 1 device, 1 class in 1 module"]
    assert {path: path.stat().st_mtime_ns for path in (folder / PACKAGE).rglob("*")} == before


def test_only_what_changed_is_written(gen: Gen, folder: Path) -> None:
    gen("beamline")
    (folder / "pump.template").write_text(site.PUMP + 'record(ao, "$(P)HOURS") {}\n')
    result = gen("beamline")
    assert result.exit_code == CLEAN
    assert result.stdout.splitlines()[:-1] == ["updated  generated/beamwright_generated/devices/pump.py"]
    assert "hours: A[SignalRW[float]" in (folder / PACKAGE / "devices/pump.py").read_text()


def test_a_hand_edit_is_replaced(gen: Gen, folder: Path) -> None:
    gen("beamline")
    module = folder / PACKAGE / "devices/pump.py"
    wanted = module.read_text()
    module.write_text(wanted + "# mine\n")
    result = gen("beamline")
    assert result.stdout.splitlines()[0] == "replaced generated/beamwright_generated/devices/pump.py"
    assert module.read_text() == wanted


def test_what_the_manifest_owns_is_removed_when_nothing_makes_it(gen: Gen, folder: Path) -> None:
    site.make(folder, {"beamline.yaml": site.beamline("b01", "pump.template A:", "gauge.template B:")})
    gen("beamline")
    assert (folder / PACKAGE / "devices/gauge.py").is_file()
    site.make(folder, {"beamline.yaml": site.beamline("b01", "pump.template A:")})
    result = gen("beamline")
    assert result.exit_code == CLEAN
    assert "removed  generated/beamwright_generated/devices/gauge.py" in result.stdout.splitlines()
    assert generated(folder) == WRITTEN


def test_a_foreign_file_stays_and_is_named(gen: Gen, folder: Path) -> None:
    gen("beamline")
    foreign = folder / PACKAGE / "devices/mine.py"
    foreign.write_text("mine = 1\n")
    result = gen("beamline")
    assert result.exit_code == NOT_CLEAN
    assert "devices/mine.py: no description makes this file" in result.stderr
    assert foreign.read_text() == "mine = 1\n"


def test_quiet_says_nothing_where_all_is_well(gen: Gen) -> None:
    assert gen("beamline", "--quiet").output == ""


def test_out_takes_the_package_elsewhere(gen: Gen, folder: Path) -> None:
    result = gen("beamline", "--out", "elsewhere")
    assert result.exit_code == CLEAN
    assert set(site.snapshot(folder / "elsewhere/beamwright_generated")) == WRITTEN
    assert not (folder / "generated").exists()


def test_the_beamline_file_says_where_the_package_goes(gen: Gen, folder: Path) -> None:
    site.make(folder, {"sites/b01.yaml": "out: ../lib\n" + site.beamline("b01", "../pump.template A:")})
    assert gen("beamline", "sites/b01.yaml").exit_code == CLEAN
    assert (folder / "lib/beamwright_generated/beamlines/b01.py").is_file()


# -- problems


def test_errors_leave_the_disk_untouched(gen: Gen, folder: Path) -> None:
    gen("beamline")
    site.make(folder, {"pump.template": 'record(ai "$(P)X") {}\n', "gauge.template": "x"})
    before = site.snapshot(folder)
    result = gen("beamline")
    assert result.exit_code == NOT_CLEAN
    assert result.stderr.splitlines() == [
        "pump.template:1:11: error[database-syntax]: expected ',', not '\"'",
        "1 error",
        "nothing was written",
    ]
    assert result.stdout == ""
    assert site.snapshot(folder) == before


def test_warnings_let_the_rest_through_unless_strict(gen: Gen, folder: Path) -> None:
    site.make(folder, {"pump.template": site.PUMP + 'record(mbbi, "$(P)EMPTY") {}\n'})
    before = site.snapshot(folder)
    strict = gen("beamline", "--strict")
    assert strict.exit_code == NOT_CLEAN
    assert site.snapshot(folder) == before
    result = gen("beamline")
    assert result.exit_code == CLEAN
    assert result.stderr.startswith("pump.template:5:1: warning[untyped-record]: $(P)EMPTY is left out: ")
    assert strict.stderr.splitlines() == [*result.stderr.splitlines(), "nothing was written"]


def test_notes_are_counted_and_shown_on_request(gen: Gen, folder: Path) -> None:
    site.make(folder, {"pump.template": 'record(ai, "$(P)A") {}\nrecord(ai, "$(P)a") {}\n'})
    assert gen("beamline").stderr == "1 note (--notes shows the notes)\n"
    assert "pump.template:2:1: note[name-collision]: a is called a_2" in gen("beamline", "--notes").stderr


def test_colours_are_for_terminals_only(gen: Gen, folder: Path) -> None:
    site.make(folder, {"pump.template": "x"})
    assert "\x1b" not in gen("beamline").output


def test_file_names_are_shown_from_the_repository(gen: Gen, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.make(folder, {"ioc/db/bad.db": "record(", "beamline.yaml": site.beamline("b01", "ioc/db/bad.db X:")})
    monkeypatch.chdir(folder / "ioc")
    assert gen("beamline", "../beamline.yaml").stderr.startswith("ioc/db/bad.db:1:8: error[database-syntax]: ")


# -- check and diff


def test_check_is_clean_after_a_run(gen: Gen) -> None:
    gen("beamline")
    result = gen("beamline", "--check")
    assert (result.exit_code, result.stdout) == (CLEAN, "")


def missing(package: Path) -> None:
    (package / "devices/pump.py").unlink()


def changed(package: Path) -> None:
    (package.parent.parent / "pump.template").write_text(site.PUMP + 'record(ao, "$(P)HOURS") {}\n')


def edited(package: Path) -> None:
    module = package / "devices/pump.py"
    module.write_text(module.read_text().replace("speed", "velocity"))


def extra(package: Path) -> None:
    (package / "devices/old.py").write_text("old = 1\n")


@pytest.mark.parametrize(
    ("spoil", "line", "in_diff"),
    [
        (missing, "missing  {}/devices/pump.py", "+class Pump(RecordDevice):"),
        (changed, "changed  {}/devices/pump.py", '+    hours: A[SignalRW[float], PvSuffix("HOURS")]'),
        (
            edited,
            "edited   {}/devices/pump.py   (someone changed the output by hand)",
            '+    speed: A[SignalRW[float], PvSuffix.rbv("SPEED")]',
        ),
        (extra, "extra    {}/devices/old.py   (no description makes this file)", ""),
    ],
)
def test_check_tells_the_four_states(
    gen: Gen, folder: Path, spoil: Callable[[Path], None], line: str, in_diff: str
) -> None:
    gen("beamline")
    spoil(folder / PACKAGE)
    before = site.snapshot(folder)
    result = gen("beamline", "--check")
    lines = result.stdout.splitlines()
    assert result.exit_code == NOT_CLEAN
    assert lines[0] == line.format(PACKAGE)
    assert lines[-1] == "1 file is not what the descriptions say. Run: gen beamline beamline.yaml"
    assert in_diff in lines or not in_diff
    assert site.snapshot(folder) == before


def test_check_before_the_first_run_names_every_file(gen: Gen, folder: Path) -> None:
    result = gen("beamline", "--check")
    assert result.exit_code == NOT_CLEAN
    states = [line for line in result.stdout.splitlines() if line.startswith("missing")]
    assert len(states) == len(WRITTEN) - 1
    assert not (folder / "generated").exists()


def test_check_sees_a_file_that_would_now_be_found_first(gen: Gen, folder: Path) -> None:
    site.make(folder, {"beamline.yaml": "search: [site, .]\n" + site.beamline()})
    gen("beamline")
    assert gen("beamline", "--check").exit_code == CLEAN
    (folder / "site").mkdir()
    (folder / "site/pump.template").write_text(site.GAUGE)
    assert gen("beamline", "--check").exit_code == NOT_CLEAN


def test_check_sees_changed_overrides(gen: Gen, folder: Path) -> None:
    gen("beamline")
    more = 'overrides:\n  devices:\n    "B01-PUMP-01:": {name: backing}\n'
    site.make(folder, {"beamline.yaml": site.beamline(more=more)})
    assert gen("beamline", "--check").exit_code == NOT_CLEAN


def test_check_fails_for_warnings_only_if_strict(gen: Gen, folder: Path) -> None:
    site.make(folder, {"pump.template": site.PUMP + 'record(mbbi, "$(P)EMPTY") {}\n'})
    gen("beamline")
    assert gen("beamline", "--check").exit_code == CLEAN
    assert gen("beamline", "--check", "--strict").exit_code == NOT_CLEAN


def test_diff_shows_and_writes_nothing(gen: Gen, folder: Path) -> None:
    gen("beamline")
    changed(folder / PACKAGE)
    before = site.snapshot(folder)
    result = gen("beamline", "--diff")
    assert result.exit_code == CLEAN
    assert [line for line in result.stdout.splitlines() if line[:1] in "+-"] == [
        f"--- {PACKAGE}/devices/pump.py (on disk)",
        f"+++ {PACKAGE}/devices/pump.py (descriptions)",
        '+    hours: A[SignalRW[float], PvSuffix("HOURS")]',
    ]
    assert site.snapshot(folder) == before


# -- the manifest


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"tool": 1, "beamlines": {}}', '{"beamlines": {"b01": 3}, "tool": {}}']
)
def test_a_broken_manifest_is_written_anew(gen: Gen, folder: Path, text: str) -> None:
    gen("beamline")
    manifest = folder / PACKAGE / "_manifest.json"
    wanted = manifest.read_text()
    manifest.write_text(text)
    check = gen("beamline", "--check")
    assert check.exit_code in (CLEAN, NOT_CLEAN)
    assert gen("beamline").exit_code == CLEAN
    assert manifest.read_text() == wanted


def test_a_manifest_cannot_name_files_outside_the_package(gen: Gen, folder: Path) -> None:
    gen("beamline")
    victim = folder / "victim.py"
    victim.write_text("keep = 1\n")
    manifest = folder / PACKAGE / "_manifest.json"
    facts = json.loads(manifest.read_text())
    facts["beamlines"]["b01"]["outputs"]["../../victim.py"] = "0" * 64
    facts["beamlines"]["b01"]["outputs"]["devices/../../../victim.py"] = "0" * 64
    manifest.write_text(json.dumps(facts))
    gen("beamline")
    assert victim.read_text() == "keep = 1\n"


def test_the_manifest_names_no_place_and_no_time(gen: Gen, folder: Path) -> None:
    gen("beamline")
    manifest = (folder / PACKAGE / "_manifest.json").read_text()
    facts = json.loads(manifest)
    assert str(folder) not in manifest
    assert set(facts["beamlines"]["b01"]["inputs"]) == {"beamline.yaml", "pump.template"}
    assert set(facts["beamlines"]["b01"]["outputs"]) == WRITTEN - {"_manifest.json"}


# -- two beamlines in one tree


def two(folder: Path, template: str = "pump.template") -> None:
    site.make(folder, {"second.yaml": site.beamline("b02", f"{template} B02-PUMP-01:")})


def test_two_beamlines_share_a_module(gen: Gen, folder: Path) -> None:
    two(folder)
    assert gen("beamline").exit_code == CLEAN
    assert gen("beamline", "second.yaml").exit_code == CLEAN
    assert generated(folder) == WRITTEN | {"beamlines/b02.py"}
    assert gen("beamline", "--check").exit_code == CLEAN
    assert gen("beamline", "second.yaml", "--check").exit_code == CLEAN


def test_a_shared_module_stays_while_one_beamline_needs_it(gen: Gen, folder: Path) -> None:
    two(folder)
    gen("beamline")
    gen("beamline", "second.yaml")
    site.make(folder, {"second.yaml": site.beamline("b02", "gauge.template X:")})
    assert gen("beamline", "second.yaml").exit_code == CLEAN
    assert generated(folder) == WRITTEN | {"beamlines/b02.py", "devices/gauge.py"}
    assert gen("beamline", "--check").exit_code == CLEAN


def test_two_beamlines_cannot_want_one_module_different(gen: Gen, folder: Path) -> None:
    site.make(folder, {"other/pump.template": site.GAUGE})
    two(folder, "other/pump.template")
    gen("beamline")
    before = site.snapshot(folder)
    result = gen("beamline", "second.yaml")
    assert result.exit_code == NOT_CLEAN
    assert "error[module-shared]: devices/pump.py is also written for b01" in result.stderr
    assert site.snapshot(folder) == before


def test_a_changed_description_of_a_shared_module_can_be_taken_over(gen: Gen, folder: Path) -> None:
    two(folder)
    gen("beamline")
    gen("beamline", "second.yaml")
    changed(folder / PACKAGE)
    assert gen("beamline").exit_code == CLEAN, "a description that both read may change"
    assert gen("beamline", "second.yaml", "--check").exit_code == CLEAN


def test_a_hand_edit_of_a_shared_module_is_an_edit(gen: Gen, folder: Path) -> None:
    two(folder)
    gen("beamline")
    gen("beamline", "second.yaml")
    edited(folder / PACKAGE)
    assert gen("beamline", "--check").stdout.startswith(f"edited   {PACKAGE}/devices/pump.py")
    assert gen("beamline").exit_code == CLEAN
    assert gen("beamline", "second.yaml", "--check").exit_code == CLEAN


def test_a_new_generator_takes_all_beamlines_over_one_by_one(gen: Gen, folder: Path) -> None:
    two(folder)
    gen("beamline")
    gen("beamline", "second.yaml")
    made_by_an_older_one(folder / PACKAGE)
    assert gen("beamline", "--check").exit_code == NOT_CLEAN
    assert gen("beamline").exit_code == CLEAN
    assert "beamlines/b02.py" in gen("beamline", "second.yaml", "--check").stdout
    assert gen("beamline", "second.yaml").exit_code == CLEAN
    assert gen("beamline", "--check").exit_code == CLEAN
    assert gen("beamline", "second.yaml", "--check").exit_code == CLEAN


def made_by_an_older_one(package: Path) -> None:
    """Make a package look as if an older generator, which left blank lines at the end, had written it."""
    manifest = package / "_manifest.json"
    facts = json.loads(manifest.read_text())
    facts["tool"]["generator"] = "older"
    for entry in facts["beamlines"].values():
        entry["generator"] = "older"
        for path in entry["outputs"]:
            text = (package / path).read_text().rstrip("\n") + "\n\n\n"
            (package / path).write_text(text)
            entry["outputs"][path] = hashlib.sha256(text.encode()).hexdigest()
    manifest.write_text(json.dumps(facts))


# -- usage


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["beamline", "--help"], ["device", "-h"], ["init", "-h"]])
def test_help(gen: Gen, arguments: list[str]) -> None:
    result = gen(*arguments)
    assert result.exit_code == CLEAN
    assert result.stdout.startswith("Usage: ")
    assert result.stderr == ""


def test_the_version_is_shown(gen: Gen) -> None:
    result = gen("--version")
    assert result.exit_code == CLEAN
    assert "0." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage: "),
        (["beamlines"], "No such command"),
        (["beamline", "--cheque"], "No such option"),
        (["beamline", "gone.yaml"], "gone.yaml does not exist. Write a first one with: gen init st.cmd"),
        (["beamline", "."], "does not exist"),
        (["beamline", "--out", "pump.template"], "is a file"),
        (["device"], "Missing argument"),
        (["device", "gone.template"], "does not exist"),
        (["device", "."], "is a directory"),
        (["device", "pump.template", "-m", "P"], "'P' is not NAME=VALUE"),
        (["device", "pump.template", "-m", "=x"], "'=x' is not NAME=VALUE"),
        (["device", "pump.template", "-I", "gone"], "does not exist"),
        (["init", "gone.cmd", "--name", "x"], "does not exist"),
        (["init", "pump.template"], "Missing option '--name'"),
        (["init", "pump.template", "--name", "x"], "beamline.yaml exists; --force overwrites it"),
    ],
)
def test_wrong_usage_ends_with_2(gen: Gen, folder: Path, arguments: list[str], said: str) -> None:
    before = site.snapshot(folder)
    result = gen(*arguments)
    assert result.exit_code == USAGE
    assert said in result.stderr
    assert site.snapshot(folder) == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "error[beamline-invalid]: a beamline file is a mapping"),
        (b"\x00\x01\x02\xff", "error[beamline-invalid]"),
        (b"\x89PNG\r\n\x1a\n\x00", "error[beamline-invalid]"),
        (b"name: b01\n", "error[beamline-invalid]: iocs: Field required"),
        (b"name: &a [*a]\niocs: *a\n", "error[beamline-invalid]"),
        (b"name: b01\nname: b02\niocs: []\n", "error[beamline-invalid]"),
        (b"? {a: 1}\n: 2\n", "error[beamline-invalid]"),
        (b"!!python/object/apply:os.system ['true']\n", "error[beamline-invalid]"),
        (b"name: b01\niocs: [{name: x, databases: [{file: '\\0'}]}]\n", "error["),
        (b'name: b01\niocs: [{name: x, databases: [{file: "a\\0b"}]}]\n', "error["),
        (b"name: 1\niocs: 2\noverrides: 3\n", "error[beamline-invalid]: name: "),
        (b"[" * 1000, "error[beamline-invalid]"),
    ],
)
def test_any_bytes_as_a_beamline_file_end_in_a_problem(gen: Gen, folder: Path, data: bytes, said: str) -> None:
    (folder / "beamline.yaml").write_bytes(data)
    before = site.snapshot(folder)
    result = gen("beamline")
    assert result.exit_code == NOT_CLEAN
    assert said in result.stderr
    assert site.snapshot(folder) == before


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff\xfe", bytes(range(256)), b"record(" * 2000, b'record(ai,"' + b"x" * 99999]
)
def test_any_bytes_as_a_database_end_in_a_verdict(gen: Gen, folder: Path, data: bytes) -> None:
    (folder / "pump.template").write_bytes(data)
    result = gen("beamline")
    assert result.exit_code == (NOT_CLEAN if "error[" in result.stderr else CLEAN)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_folder_without_permission_is_named(gen: Gen, folder: Path) -> None:
    (folder / "generated").mkdir(mode=0o500)
    result = gen("beamline")
    assert result.exit_code == NOT_CLEAN
    assert "cannot write" in result.stderr


def test_an_output_folder_that_cannot_be_made_is_named(gen: Gen, folder: Path) -> None:
    (folder / "generated").write_text("a file where the folder should be")
    result = gen("beamline")
    assert result.exit_code == NOT_CLEAN
    assert "cannot write" in result.stderr


def test_a_folder_where_a_module_should_be_is_named(gen: Gen, folder: Path) -> None:
    (folder / PACKAGE / "devices/pump.py").mkdir(parents=True)
    result = gen("beamline")
    assert result.exit_code == NOT_CLEAN
    assert "cannot write" in result.stderr


# -- gen device


def test_device_prints_one_module(gen: Gen, folder: Path) -> None:
    before = site.snapshot(folder)
    result = gen("device", "pump.template")
    assert result.exit_code == CLEAN
    assert result.stdout.startswith("# @generated by `gen device` - do not edit;")
    assert 'speed: A[SignalRW[float], PvSuffix.rbv("SPEED")]' in result.stdout
    assert result.stderr == ""
    assert site.snapshot(folder) == before


def test_device_brings_included_files_into_the_module(gen: Gen, folder: Path) -> None:
    site.make(folder, {"turbo.template": 'include "gauge.template"\n' + site.PUMP, "lib/gauge.template": site.GAUGE})
    (folder / "gauge.template").unlink()
    assert "error[include-missing]: gauge.template is not found" in gen("device", "turbo.template").stderr
    result = gen("device", "turbo.template", "-I", "lib")
    assert result.exit_code == CLEAN
    assert result.stdout.index("class Gauge(RecordDevice):") < result.stdout.index("class Turbo(Gauge):")
    assert "beamwright_generated" not in result.stdout


def test_device_takes_macros_that_decide_a_type(gen: Gen, folder: Path) -> None:
    site.make(folder, {"wave.template": 'record(waveform, "$(P)W") { field(FTVL, "$(T)") field(NELM, "9") }\n'})
    without = gen("device", "wave.template")
    assert without.exit_code == CLEAN
    assert "warning[undecided-type]" in without.stderr
    assert "Array1D[np.int16]" in gen("device", "wave.template", "-m", "T=SHORT").stdout
    assert "Array1D[np.uint8]" in gen("device", "wave.template", "-m", "T=CHAR").stdout
    assert "Array1D[np.int8]" in gen("device", "wave.template", "-m", "T=CHAR", "--pva").stdout


def test_device_prints_problems_to_stderr_only(gen: Gen, folder: Path) -> None:
    site.make(folder, {"pump.template": "record(ai"})
    result = gen("device", "pump.template")
    assert (result.exit_code, result.stdout) == (NOT_CLEAN, "")
    assert result.stderr.endswith("no device was generated\n")


def test_device_of_a_motor_alone_says_so(gen: Gen, folder: Path) -> None:
    site.make(folder, {"motor.template": 'record(motor, "$(P)$(M)") {}\n'})
    result = gen("device", "motor.template")
    assert result.exit_code == NOT_CLEAN
    assert "Motor" in result.stderr


# -- gen schema


def test_schema_accepts_the_example(gen: Gen, repository: Path) -> None:
    result = gen("schema")
    schema = json.loads(result.stdout)
    Draft202012Validator.check_schema(schema)
    example = YAML(typ="safe").load((repository / "examples/x01/beamline.yaml").read_text())
    assert list(Draft202012Validator(schema).iter_errors(example)) == []
    assert not Draft202012Validator(schema).is_valid({**example, "nmae": "x"})
    assert not Draft202012Validator(schema).is_valid({**example, "name": "X-01"})


def test_schema_describes_every_key(gen: Gen) -> None:
    schema = json.loads(gen("schema").stdout)
    kinds = {"beamline": schema, **schema["$defs"]}
    properties = {f"{kind}.{key}": value for kind in kinds for key, value in kinds[kind].get("properties", {}).items()}
    described = {key for key, value in properties.items() if value.get("description")}
    of_kind = {
        key for key, value in properties.items() if value.get("$ref", "").removeprefix("#/$defs/") in schema["$defs"]
    }
    assert sorted(properties.keys() - described - of_kind) == []
    assert len(properties) > 30


# -- gen init


def test_init_then_beamline_needs_no_hand_edit(gen: Gen, folder: Path) -> None:
    (folder / "beamline.yaml").unlink()
    site.make(
        folder,
        {
            "ioc/st.cmd": 'epicsEnvSet("P", "$(SITE)-PUMP-01:")\ndbLoadRecords("pump.template", "P=$(P)")\n',
            "ioc/pump.template": site.PUMP,
        },
    )
    (folder / "beamline.yaml").unlink()
    result = gen("init", "ioc/st.cmd", "--name", "b01", "--env", "SITE=B01")
    assert result.exit_code == CLEAN, result.output
    assert result.stdout == "wrote beamline.yaml; next: gen beamline beamline.yaml\n"
    assert gen("beamline").exit_code == CLEAN
    package = folder / "generated/b01_devices"
    assert {path.name for path in package.rglob("*.py")} == {"__init__.py", "b01.py", "pump.py"}
    assert "from b01_devices.devices.pump import Pump" in (package / "beamlines/b01.py").read_text()
    assert 'Pump("B01-PUMP-01:")' in (package / "beamlines/b01.py").read_text()
    schema = json.loads(gen("schema").stdout)
    assert Draft202012Validator(schema).is_valid(YAML(typ="safe").load((folder / "beamline.yaml").read_text()))


def test_init_reaches_support_outside_the_repository(gen: Gen, folder: Path) -> None:
    site.make(folder / "support", {"db/pump.template": site.PUMP})
    site.make(folder / "ioc", {"st.cmd": 'dbLoadRecords("$(PUMPS)/db/pump.template", "P=B01-PUMP-01:")\n'})
    (folder / "ioc/beamline.yaml").unlink()
    out = folder / "ioc/beamline.yaml"
    result = gen("init", "ioc/st.cmd", "--name", "b01", "--env", f"PUMPS={folder}/support", "-o", out)
    assert result.exit_code == CLEAN, result.output
    assert gen("beamline", out).exit_code == CLEAN
    assert (folder / "ioc/generated/b01_devices/devices/pump.py").is_file()


@pytest.mark.parametrize("absolute", [True, False])
def test_init_writes_roots_that_hold_in_other_checkouts(gen: Gen, folder: Path, absolute: bool) -> None:
    """What is given as an absolute path stays one, with all that lies below it as one root."""
    around = folder.parent
    site.make(around / "support", {"pumps-1.2/db/pump.template": site.PUMP})
    site.make(around / "iocs/1", {"st.cmd": 'dbLoadRecords("$(PUMPS)/db/pump.template", "P=B01-PUMP-01:")\n'})
    startup = f"{around}/iocs/1/st.cmd" if absolute else "../iocs/1/st.cmd"
    pumps = f"{around}/support/pumps-1.2" if absolute else "../../support/pumps-1.2"
    (folder / "beamline.yaml").unlink()
    result = gen("init", startup, "--name", "b01", "--env", f"PUMPS={pumps}")
    assert result.exit_code == CLEAN, result.output
    written = YAML(typ="safe").load((folder / "beamline.yaml").read_text())
    assert written["iocs"][0]["startup"] == startup
    support = {"pumps": pumps} if absolute else {"db": "../support/pumps-1.2/db"}
    assert written["roots"] == {"root-1": startup.removesuffix("/st.cmd"), **support}
    assert gen("beamline").exit_code == CLEAN
    if absolute:
        shutil.copytree(folder, around / "deep/er")
        assert gen("beamline", around / "deep/er/beamline.yaml", "--check").exit_code == CLEAN


def test_init_reports_what_the_script_lacks_and_writes_nothing(gen: Gen, folder: Path) -> None:
    site.make(folder, {"st.cmd": 'dbLoadRecords("gone.template", "P=X:")\n'})
    (folder / "beamline.yaml").unlink()
    result = gen("init", "st.cmd", "--name", "b01")
    assert result.exit_code == NOT_CLEAN
    assert "st.cmd:1:1: error[database-missing]: gone.template is not found" in result.stderr
    assert not (folder / "beamline.yaml").exists()


@pytest.mark.parametrize("name", ["B01", "1b", "class", "b-01", "", "ö", "_x"])
def test_init_refuses_names_that_make_no_module(gen: Gen, folder: Path, name: str) -> None:
    site.make(folder, {"st.cmd": 'dbLoadRecords("pump.template", "P=X:")\n'})
    (folder / "beamline.yaml").unlink()
    result = gen("init", "st.cmd", "--name", name)
    assert result.exit_code in (NOT_CLEAN, USAGE)
    assert not (folder / "beamline.yaml").exists()


def test_init_quotes_what_yaml_would_read_otherwise(gen: Gen, folder: Path) -> None:
    site.make(folder, {"st.cmd": 'dbLoadRecords("pump.template", "P=$(A)$(B)$(C):")\n'})
    (folder / "beamline.yaml").unlink()
    given = ["--env", "A=yes", "--env", "B=1.10", "--env", "C=# {x: [1]}"]
    assert gen("init", "st.cmd", "--name", "b01", "--ioc", "no", *given).exit_code == CLEAN
    read = YAML(typ="safe").load((folder / "beamline.yaml").read_text())
    assert read["iocs"][0]["env"] == {"A": "yes", "B": "1.10", "C": "# {x: [1]}"}
    assert read["iocs"][0]["name"] == "no"
    assert gen("beamline").exit_code == CLEAN


def test_init_overwrites_only_by_force(gen: Gen, folder: Path) -> None:
    site.make(folder, {"st.cmd": 'dbLoadRecords("pump.template", "P=X:")\n'})
    assert gen("init", "st.cmd", "--name", "b01").exit_code == USAGE
    assert gen("init", "st.cmd", "--name", "b01", "--force").exit_code == CLEAN
    assert "startup: st.cmd" in (folder / "beamline.yaml").read_text()


def test_init_into_a_folder_that_is_not_there(gen: Gen, folder: Path) -> None:
    site.make(folder, {"st.cmd": 'dbLoadRecords("pump.template", "P=X:")\n'})
    result = gen("init", "st.cmd", "--name", "b01", "-o", "gone/beamline.yaml")
    assert result.exit_code in (NOT_CLEAN, USAGE)
    assert "gone" in result.stderr


# -- as users run it


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    gen = Path(sys.executable).with_name("gen")
    return subprocess.run([gen, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_installed_command(folder: Path) -> None:
    first = run(folder, "beamline")
    assert (first.returncode, first.stderr) == (CLEAN, "")
    assert first.stdout.splitlines()[-1] == "b01: 1 device, 1 class in 1 module"
    assert run(folder, "beamline", "--check").returncode == CLEAN
    (folder / "pump.template").write_text("record(")
    broken = run(folder, "beamline", "--check")
    assert broken.returncode == NOT_CLEAN
    assert "error[database-syntax]" in broken.stderr
    assert run(folder, "beamline", "gone.yaml").returncode == USAGE


def test_output_into_a_closed_pipe_is_no_traceback(folder: Path) -> None:
    site.make(folder, {"pump.template": "".join(f'record(ai, "$(P)R{n}") {{}}\n' for n in range(3000))})
    gen = Path(sys.executable).with_name("gen")
    process = subprocess.Popen(
        [gen, "device", "pump.template"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("# @generated")
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Traceback" not in errors
