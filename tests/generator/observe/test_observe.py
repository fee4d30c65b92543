"""`gen observe` against real IOCs that serve other things than the files say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.yaml.observation_file import Observations, parse_observations
from beamwright_generator.problems import Problems
from tests.generator.observe.observed_site import NOBODY, SERVED, camera, gauge, gen, joined, python, write_site
from tests.softioc import SoftIoc

pytestmark = pytest.mark.long

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
EXPECTED = Path(__file__).parent / "observing"
WAIT = ("--timeout", "2")
"""Long enough for what answers on a loaded machine; a run that asks for a name that is not served costs it."""

VACUUM = ("--only", "B01-VA-*")
"""The part of which everything is served, so that nothing is waited for."""


@pytest.fixture(scope="module")
def iocs() -> Iterator[Mapping[str, str]]:
    """How to find the camera and the gauge, which run; tests that stop one have their own."""
    with SoftIoc(camera(), gauge()) as ioc:
        yield ioc.environment


@pytest.fixture(scope="module")
def first_run(iocs: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A beamline that was observed over CA: its folder, which stays as it is, and what was printed."""
    folder = tmp_path_factory.mktemp("observed")
    write_site(folder)
    done = gen(folder, iocs, "observe", *WAIT)
    assert done.returncode == CLEAN, done.stderr
    return folder, done.stdout


@pytest.fixture
def observed(first_run: tuple[Path, str], tmp_path: Path) -> Path:
    """A folder of the test's own with a beamline that was observed."""
    return Path(shutil.copytree(first_run[0], tmp_path / "site"))


def expect(name: str, text: str, update: bool) -> None:
    if update:
        (EXPECTED / name).write_text(text, encoding="utf-8")
    assert text == (EXPECTED / name).read_text(encoding="utf-8")


def recorded(folder: Path) -> Observations:
    """Read what was recorded as the generator does; it must find nothing wrong with it."""
    problems = Problems()
    text = (folder / "observations.yaml").read_text(encoding="utf-8")
    found = parse_observations(Source(folder / "observations.yaml", "observations.yaml", text), problems)
    assert list(problems) == []
    assert found is not None
    return found


def test_what_runs_is_recorded(first_run: tuple[Path, str], update_golden: bool) -> None:
    folder, said = first_run
    expect("ca.yaml", (folder / "observations.yaml").read_text(encoding="utf-8"), update_golden)
    expect("ca.txt", said, update_golden)


def test_what_runs_is_recorded_over_pva(iocs: Mapping[str, str], tmp_path: Path, update_golden: bool) -> None:
    write_site(tmp_path, more="transport: pva\n")
    done = gen(tmp_path, iocs, "observe", *WAIT)
    assert done.returncode == CLEAN, done.stderr
    expect("pva.yaml", (tmp_path / "observations.yaml").read_text(encoding="utf-8"), update_golden)
    expect("pva.txt", done.stdout, update_golden)


def test_a_second_run_changes_nothing_with_few_at_a_time_either(iocs: Mapping[str, str], observed: Path) -> None:
    before = (observed / "observations.yaml").read_bytes()
    done = gen(observed, iocs, "observe", *WAIT, "--jobs", "6")
    assert done.stdout == "observations.yaml is as it was\n"
    assert (observed / "observations.yaml").read_bytes() == before


def test_another_file_is_written_if_it_is_named(iocs: Mapping[str, str], observed: Path) -> None:
    done = gen(observed, iocs, "observe", *VACUUM, *WAIT, "-o", "again.yaml")
    assert done.stdout == "wrote again.yaml; next: gen beamline\n"
    assert (observed / "again.yaml").read_bytes() == (observed / "observations.yaml").read_bytes()


def test_a_check_finds_a_recorded_beamline_as_it_is(iocs: Mapping[str, str], observed: Path) -> None:
    done = gen(observed, iocs, "observe", "--check", "--summary", "-", "--quiet", *WAIT)
    assert (done.returncode, done.stderr) == (CLEAN, "")
    assert done.stdout == "### b01: no difference between the running IOCs and what is committed\n"


def test_a_check_without_observations_compares_with_the_descriptions(
    iocs: Mapping[str, str], tmp_path: Path, update_golden: bool
) -> None:
    write_site(tmp_path)
    done = gen(tmp_path, iocs, "observe", "--check", "--summary", "-", *WAIT)
    assert done.returncode == NOT_CLEAN
    expect("check_descriptions.md", done.stdout, update_golden)
    assert not (tmp_path / "observations.yaml").exists()


def test_only_a_part_is_asked_and_the_rest_is_kept(
    iocs: Mapping[str, str], first_run: tuple[Path, str], tmp_path: Path
) -> None:
    write_site(tmp_path)
    done = gen(tmp_path, iocs, "observe", *VACUUM, *WAIT)
    assert done.stderr == "2 of 2 PVs answered\n"
    first = recorded(tmp_path)
    assert first.iocs["B01-EA-IOC-01"].devices == {}
    assert not first.iocs["B01-EA-IOC-01"].seen
    gen(tmp_path, iocs, "observe", "--only", "B01-EA-CAM-01:", *WAIT)
    second = recorded(tmp_path)
    assert second.iocs["B01-VA-IOC-01"] == first.iocs["B01-VA-IOC-01"]
    assert second.iocs["B01-EA-IOC-01"].seen
    assert (tmp_path / "observations.yaml").read_bytes() == (first_run[0] / "observations.yaml").read_bytes()


def test_progress_is_shown_on_a_terminal(iocs: Mapping[str, str], observed: Path) -> None:
    master, slave = os.openpty()
    try:
        command = [sys.executable, "-m", "beamwright_generator.cli", "observe", *VACUUM]
        environment = os.environ | iocs
        subprocess.run(
            command, cwd=observed, env=environment, stdout=subprocess.PIPE, stderr=slave, timeout=120, check=True
        )
        shown = os.read(master, 4096).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert shown == "\r  2 of 2 PVs\r\x1b[K2 of 2 PVs answered\r\n"


def test_facts_of_an_ioc_that_is_down_are_kept_and_marked(observed: Path, update_golden: bool) -> None:
    whole = recorded(observed)
    with SoftIoc(camera()) as ioc:
        env = ioc.environment
        done = gen(observed, env, "observe", "--check", "--summary", "-", "--quiet", *WAIT)
        assert done.returncode == NOT_CLEAN
        assert done.stdout.endswith("**Not answering**\n\n- B01-VA-IOC-01 does not answer: 2 PVs were asked for\n")
        done = gen(observed, env, "observe", "--quiet", *WAIT)
        assert done.returncode == CLEAN
        expect("down.problems.txt", done.stderr, update_golden)
        after = recorded(observed)
        assert after.iocs["B01-VA-IOC-01"].devices == whole.iocs["B01-VA-IOC-01"].devices
        assert (after.iocs["B01-VA-IOC-01"].seen, after.iocs["B01-EA-IOC-01"].seen) == (False, True)
    assert gen(observed, {}, "beamline", "beamline.yaml", "--quiet").returncode == CLEAN


def test_a_check_is_clean_when_all_that_is_asked_is_optional_and_down(observed: Path, update_golden: bool) -> None:
    write_site(observed, vacuum="optional: true\n    ")
    done = gen(observed, NOBODY, "observe", "--check", "--summary", "-", "--quiet", *VACUUM, "--timeout", "1")
    assert done.returncode == CLEAN
    expect("optional_down.problems.txt", done.stderr, update_golden)
    assert "- B01-VA-IOC-01 (optional) does not answer: 2 PVs were asked for\n" in done.stdout
    assert gen(observed, NOBODY, "observe", *VACUUM, "--timeout", "1").returncode == NOT_CLEAN


def test_nothing_is_written_when_no_ioc_answers(tmp_path: Path, update_golden: bool) -> None:
    write_site(tmp_path)
    done = gen(tmp_path, NOBODY, "observe", "--timeout", "1")
    assert done.returncode == NOT_CLEAN
    expect("nobody.problems.txt", done.stderr, update_golden)
    assert not (tmp_path / "observations.yaml").exists()


def test_a_glob_that_matches_nothing_is_refused(tmp_path: Path, update_golden: bool) -> None:
    write_site(tmp_path)
    done = gen(tmp_path, {}, "observe", "--only", "B99-*")
    assert done.returncode == NOT_CLEAN
    expect("no_such_part.problems.txt", done.stderr, update_golden)


def test_a_file_to_write_has_to_be_named(tmp_path: Path) -> None:
    file = write_site(tmp_path)
    file.write_text(file.read_text().replace("observations: observations.yaml\n", ""))
    done = gen(tmp_path, {}, "observe")
    assert done.returncode == USAGE
    assert "write `observations: observations.yaml` into beamline.yaml" in done.stderr


def test_errors_of_the_descriptions_come_first(tmp_path: Path) -> None:
    write_site(tmp_path)
    (tmp_path / "gauge.template").unlink()
    done = gen(tmp_path, {}, "observe")
    assert done.returncode == NOT_CLEAN
    assert "error[database-missing]: gauge.template is not found" in done.stderr


DIES = """
import os, signal, sys
from pathlib import Path
from beamwright_generator.observe.beamline_pvs import read_beamline_pvs
from beamwright_generator.observe.survey import observe_iocs
from beamwright_generator.problems import Problems

pid, killed = int(sys.argv[1]), []

def progress(done, total):
    if done > 200 and not killed:
        killed.append(os.kill(pid, signal.SIGKILL))

problems = Problems()
described = read_beamline_pvs(Path("beamline.yaml"), problems)
run = observe_iocs(described, None, 1.0, 20, progress, problems)
print(sorted(run.down), sorted(run.lost), len(run.observations.iocs["B01-EA-IOC-01"].devices["B01-EA-BIG-01:"].records))
print(*problems)
"""


@pytest.mark.parametrize("transport", ["ca", "pva"])
def test_an_ioc_that_dies_half_way_is_not_taken_for_one_that_lacks_records(
    iocs: Mapping[str, str], tmp_path: Path, transport: str
) -> None:
    file = write_site(tmp_path, more=f"transport: {transport}\n")
    file.write_text(file.read_text().replace("camera.template", "big.template").replace("CAM-01", "BIG-01"))
    (tmp_path / "big.template").write_text("".join(f'record(ai, "$(P)A{n}") {{}}\n' for n in range(2000)))
    ioc = SoftIoc("".join(f'record(ai, "B01-EA-BIG-01:A{n}") {{}}\n' for n in range(2000)))
    try:
        ioc.start()
        done = python(tmp_path, joined(iocs, ioc.environment), "-c", DIES, str(ioc.pid))
    finally:
        ioc.kill()
        ioc.stop()
    assert done.stdout.splitlines() == [
        "['B01-EA-IOC-01'] ['B01-EA-IOC-01'] 0",
        "warning[observe-partial]: B01-EA-IOC-01 went away while it was asked",
        "  hint: what was known about it is kept",
    ], done.stderr
    assert done.stderr == ""


CONNECT = """
import asyncio, sys
sys.path.insert(0, "generated")
from beamwright_generated.beamlines import b01

async def main():
    camera = b01.ea_cam_01()
    await camera.mode.connect(timeout=5)
    kind = camera.mode.datatype
    print(kind.__mro__[1].__name__, [str(state.value) for state in kind])
    await camera.filter.connect(timeout=5)
    print(await camera.mode.get_value(), camera.filter.datatype.__name__, await camera.filter.get_value())

try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__name__, str(error).replace("\\n", " "))
"""


def test_a_type_is_sharpened_by_what_runs_and_a_change_is_found(
    iocs: Mapping[str, str], observed: Path, update_golden: bool
) -> None:
    file = observed / "observations.yaml"
    facts = file.rename(observed / "facts.yaml").read_bytes()
    assert gen(observed, {}, "beamline").returncode == CLEAN
    before = python(observed, iocs, "-c", CONNECT).stdout.splitlines()
    assert before == ["DriverEnum ['Slow', 'Fast']", "Slow str Out"]
    file.write_bytes(facts)
    assert gen(observed, {}, "beamline").returncode == CLEAN
    assert gen(observed, {}, "beamline", "--check").returncode == CLEAN
    after = python(observed, iocs, "-c", CONNECT).stdout.splitlines()
    assert after == ["StrictEnum ['Slow', 'Fast', 'Turbo: 2']", "Slow CameraFilter Out"]
    changed = SERVED.replace("Turbo: 2", "Turbo: 3").replace('record(ao, "$(P)Gain") {}\n', "")
    with SoftIoc(camera(changed), gauge()) as ioc:
        env = ioc.environment
        done = gen(observed, env, "observe", "--check", "--summary", "drift.md", *WAIT)
        assert done.returncode == NOT_CLEAN
        assert (
            "changed  B01-EA-CAM-01:Mode: Slow, Fast, Turbo: 2 -> Slow, Fast, Turbo: 3 "
            "(added Turbo: 3; removed Turbo: 2)\n"
        ) in done.stdout
        expect("drift.md", (observed / "drift.md").read_text(encoding="utf-8"), update_golden)
        assert file.read_bytes() == facts
        refused = python(observed, env, "-c", CONNECT).stdout
        assert "Turbo: 3" in refused
        assert "Error" in refused
        gen(observed, env, "observe", *WAIT)
    mode = recorded(observed).iocs["B01-EA-IOC-01"].devices["B01-EA-CAM-01:"].records["Mode"]
    assert mode.choices == ("Slow", "Fast", "Turbo: 3")
