"""`gen observe` against real IOCs that serve other things than the files say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from beamwright_generator.parse.observations import Observations, parse_observations
from beamwright_generator.problems import Problems
from beamwright_generator.source import Source
from tests.generator.observe.observed_site import SERVED, both, camera, gauge, gen, python, write_site
from tests.softioc import SoftIoc

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
EXPECTED = Path(__file__).parent / "observing"
WAIT = ("--timeout", "2")
"""Long enough for what answers; every name that is not served costs it."""


@pytest.fixture(scope="module")
def iocs() -> Iterator[Mapping[str, str]]:
    """The camera and the gauge, running; tests that stop one have their own."""
    with SoftIoc(camera()) as first, SoftIoc(gauge()) as second:
        yield both(first, second)


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


def states(folder: Path, ioc: str, device: str, leaf: str) -> tuple[str, ...]:
    return recorded(folder).iocs[ioc].devices[device].records[leaf].choices


@pytest.mark.parametrize("transport", ["ca", "pva"])
def test_what_runs_is_recorded(iocs: Mapping[str, str], tmp_path: Path, transport: str, update_golden: bool) -> None:
    write_site(tmp_path, more=f"transport: {transport}\n")
    done = gen(tmp_path, iocs, "observe", *WAIT)
    assert done.returncode == CLEAN, done.stderr
    expect(f"{transport}.yaml", (tmp_path / "observations.yaml").read_text(encoding="utf-8"), update_golden)
    expect(f"{transport}.txt", done.stdout, update_golden)


def test_a_second_run_changes_nothing(iocs: Mapping[str, str], tmp_path: Path) -> None:
    write_site(tmp_path)
    file = tmp_path / "observations.yaml"
    gen(tmp_path, iocs, "observe", *WAIT)
    first = file.read_bytes()
    done = gen(tmp_path, iocs, "observe", *WAIT, "-o", "again.yaml")
    assert (tmp_path / "again.yaml").read_bytes() == first
    assert done.stdout == "wrote again.yaml; next: gen beamline\n"
    assert gen(tmp_path, iocs, "observe", *WAIT).stdout == "observations.yaml is as it was\n"
    assert file.read_bytes() == first


def test_a_check_finds_a_recorded_beamline_as_it_is(iocs: Mapping[str, str], tmp_path: Path) -> None:
    write_site(tmp_path)
    gen(tmp_path, iocs, "observe", *WAIT)
    done = gen(tmp_path, iocs, "observe", "--check", "--summary", "-", "--quiet", *WAIT)
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


def test_only_a_part_is_asked_and_the_rest_is_kept(iocs: Mapping[str, str], tmp_path: Path) -> None:
    write_site(tmp_path)
    done = gen(tmp_path, iocs, "observe", "--only", "B01-VA-*", *WAIT)
    assert done.stderr == "2 of 2 PVs answered\n"
    first = recorded(tmp_path)
    assert first.iocs["B01-EA-IOC-01"].devices == {}
    assert not first.iocs["B01-EA-IOC-01"].seen
    gen(tmp_path, iocs, "observe", "--only", "B01-EA-CAM-01:", *WAIT)
    second = recorded(tmp_path)
    assert second.iocs["B01-VA-IOC-01"] == first.iocs["B01-VA-IOC-01"]
    assert second.iocs["B01-EA-IOC-01"].seen
    gen(tmp_path, iocs, "observe", "-o", "whole.yaml", *WAIT)
    assert (tmp_path / "whole.yaml").read_bytes() == (tmp_path / "observations.yaml").read_bytes()


def test_few_at_a_time_find_the_same(iocs: Mapping[str, str], tmp_path: Path) -> None:
    write_site(tmp_path)
    gen(tmp_path, iocs, "observe", *WAIT)
    gen(tmp_path, iocs, "observe", "--jobs", "2", "-o", "few.yaml", "--timeout", "1")
    assert (tmp_path / "few.yaml").read_bytes() == (tmp_path / "observations.yaml").read_bytes()


def test_facts_of_an_ioc_that_is_down_are_kept_and_marked(tmp_path: Path, update_golden: bool) -> None:
    file = write_site(tmp_path)
    with SoftIoc(camera()) as first:
        with SoftIoc(gauge()) as second:
            env = both(first, second)
            gen(tmp_path, env, "observe", *WAIT)
        before = recorded(tmp_path)
        done = gen(tmp_path, env, "observe", "--check", "--summary", "-", "--quiet", *WAIT)
        assert done.returncode == NOT_CLEAN
        assert done.stdout.endswith("**Not answering**\n\n- B01-VA-IOC-01 does not answer: 2 PVs were asked for\n")
        done = gen(tmp_path, env, "observe", "--quiet", *WAIT)
        assert done.returncode == CLEAN
        expect("down.problems.txt", done.stderr, update_golden)
        after = recorded(tmp_path)
        assert after.iocs["B01-VA-IOC-01"].devices == before.iocs["B01-VA-IOC-01"].devices
        assert (after.iocs["B01-VA-IOC-01"].seen, after.iocs["B01-EA-IOC-01"].seen) == (False, True)
        write_site(tmp_path, vacuum="optional: true\n    ")
        done = gen(tmp_path, env, "observe", "--check", "--summary", "-", "--quiet", *WAIT)
        assert done.returncode == CLEAN
        assert "- B01-VA-IOC-01 (optional) does not answer: 2 PVs were asked for\n" in done.stdout
    assert gen(tmp_path, {}, "beamline", str(file), "--quiet").returncode == CLEAN


def test_nothing_is_written_when_no_ioc_answers(tmp_path: Path, update_golden: bool) -> None:
    write_site(tmp_path)
    with SoftIoc(gauge()) as ioc:
        env = ioc.environment
    done = gen(tmp_path, env, "observe", "--timeout", "1")
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
from beamwright_generator.observe.observation_run import observe_iocs
from beamwright_generator.pipeline import read_described
from beamwright_generator.problems import Problems

pid, killed = int(sys.argv[1]), []

def progress(done, total):
    if done > 200 and not killed:
        killed.append(os.kill(pid, signal.SIGKILL))

problems = Problems()
described = read_described(Path("beamline.yaml"), problems)
run = observe_iocs(described, None, 2.0, 20, progress, problems)
print(sorted(run.down), sorted(run.lost), len(run.observations.iocs["B01-EA-IOC-01"].devices["B01-EA-BIG-01:"].records))
print(*problems)
"""


@pytest.mark.parametrize("transport", ["ca", "pva"])
def test_an_ioc_that_dies_half_way_is_not_taken_for_one_that_lacks_records(tmp_path: Path, transport: str) -> None:
    file = write_site(tmp_path, more=f"transport: {transport}\n")
    file.write_text(file.read_text().replace("camera.template", "big.template").replace("CAM-01", "BIG-01"))
    (tmp_path / "big.template").write_text("".join(f'record(ai, "$(P)A{n}") {{}}\n' for n in range(2000)))
    big = "".join(f'record(ai, "B01-EA-BIG-01:A{n}") {{}}\n' for n in range(2000))
    ioc = SoftIoc(big)
    with SoftIoc(gauge()) as other:
        try:
            ioc.start()
            env = both(other, ioc)
            done = python(tmp_path, env, "-c", DIES, str(ioc.pid))
        finally:
            ioc.kill()
            ioc.stop()
    assert done.stdout.splitlines() == [
        "['B01-EA-IOC-01'] ['B01-EA-IOC-01'] 0",
        "warning[observe-partial]: B01-EA-IOC-01 went away while it was asked",
        "  hint: what was known about it is kept",
    ], done.stderr


CONNECT = """
import asyncio, sys
sys.path.insert(0, "generated")
from beamwright_generated.beamlines import b01

async def main():
    camera = b01.ea_cam_01()
    await camera.mode.connect(timeout=5)
    kind = camera.mode.datatype
    print(kind.__mro__[1].__name__, [str(state.value) for state in kind])
    print(await camera.mode.get_value(), hasattr(camera, "filter"))

try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__name__, str(error).replace("\\n", " "))
"""


def test_a_type_is_sharpened_by_what_runs_and_a_change_is_found(tmp_path: Path, update_golden: bool) -> None:
    write_site(tmp_path)
    with SoftIoc(gauge()) as other:
        ioc = SoftIoc(camera())
        with ioc:
            env = both(ioc, other)
            assert gen(tmp_path, {}, "beamline").returncode == CLEAN
            before = python(tmp_path, env, "-c", CONNECT).stdout.splitlines()
            assert before[:1] == ["DriverEnum ['Slow', 'Fast']"]
            assert before[1].endswith("False")
            assert gen(tmp_path, env, "observe", *WAIT).returncode == CLEAN
            assert gen(tmp_path, {}, "beamline").returncode == CLEAN
            assert gen(tmp_path, {}, "beamline", "--check").returncode == CLEAN
            after = python(tmp_path, env, "-c", CONNECT).stdout.splitlines()
            assert after[:1] == ["StrictEnum ['Slow', 'Fast', 'Turbo: 2']"]
            assert after[1].endswith("True")
        changed = SERVED.replace("Turbo: 2", "Turbo: 3").replace('record(ao, "$(P)Gain") {}\n', "")
        with SoftIoc(camera(changed)) as ioc:
            env = both(ioc, other)
            done = gen(tmp_path, env, "observe", "--check", "--summary", "drift.md", *WAIT)
            assert done.returncode == NOT_CLEAN
            assert (
                "changed  B01-EA-CAM-01:Mode: Slow, Fast, Turbo: 2 -> Slow, Fast, Turbo: 3 "
                "(added Turbo: 3; removed Turbo: 2)\n"
            ) in done.stdout
            expect("drift.md", (tmp_path / "drift.md").read_text(encoding="utf-8"), update_golden)
            assert states(tmp_path, "B01-EA-IOC-01", "B01-EA-CAM-01:", "Mode")[-1] == "Turbo: 2"
            refused = python(tmp_path, env, "-c", CONNECT).stdout
            assert "Turbo: 3" in refused
            assert "Error" in refused
            gen(tmp_path, env, "observe", *WAIT)
            assert states(tmp_path, "B01-EA-IOC-01", "B01-EA-CAM-01:", "Mode")[-1] == "Turbo: 3"
