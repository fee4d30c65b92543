"""`gen snapshot` against real servers: what it records, what it says, what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.yaml.snapshot_file import (
    RecordedBlock,
    RecordedSides,
    RecordedSignal,
    Snapshot,
    parse_snapshot,
)
from beamwright_generator.problems import Problems
from tests.helpers.pvi_servers.served import Served
from tests.live.generator.observe.observed_site import gen as run_gen

pytestmark = pytest.mark.long

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2
EXPECTED = Path(__file__).parent / "snapshots"
TREES = {
    "PANDA": "fastcs_panda",
    "PANDABLOCKS": "qsrv",
    "FORMATTER": "qsrv",
    "REFUSED": "qsrv",
    "LEGACY": "p4p_trees",
    "KINDS": "p4p_trees",
    "ODD": "p4p_trees",
}
"""Prefixes, and the fixtures of the servers that have a tree there."""

Gen = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gen(tmp_path: Path) -> Gen:
    """Run `gen snapshot` in a process of its own, because a client reads where to search once."""

    def gen(server: Mapping[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
        return run_gen(tmp_path, server, "snapshot", *map(str, arguments))

    return gen


def parsed(text: str) -> Snapshot:
    """Read a snapshot as the generator does; it must find nothing wrong with it."""
    problems = Problems()
    snapshot = parse_snapshot(Source(Path("recorded.yaml"), "recorded.yaml", text), problems)
    assert list(problems) == []
    assert snapshot is not None
    return snapshot


def signals(block: RecordedBlock) -> list[RecordedSignal]:
    """Give every signal below a block."""
    found: list[RecordedSignal] = []
    for entry in (*block.entries.values(), *block.numbered.values()):
        match entry:
            case RecordedBlock():
                found += signals(entry)
            case RecordedSides():
                found += entry.sides.values()
            case _:
                found.append(entry)
    return found


def expect(path: Path, text: str, update: bool) -> None:
    if update and text:
        path.write_text(text, encoding="utf-8")
    elif update:
        path.unlink(missing_ok=True)
    assert text == (path.read_text(encoding="utf-8") if path.exists() else "")


@pytest.mark.parametrize("prefix", TREES)
def test_a_tree_is_recorded_as_it_is_served(
    gen: Gen, request: pytest.FixtureRequest, prefix: str, update_golden: bool
) -> None:
    done = gen(request.getfixturevalue(TREES[prefix]), f"{prefix}:", "--timeout", 2)
    assert done.returncode == CLEAN
    *problems, summary = done.stderr.splitlines(keepends=True)
    expect(EXPECTED / f"{prefix.lower()}.yaml", done.stdout, update_golden)
    expect(EXPECTED / f"{prefix.lower()}.problems.txt", "".join(problems), update_golden)
    assert summary.endswith("signals\n" if prefix != "REFUSED" else "1 signal\n")
    assert parsed(done.stdout).prefix == f"{prefix}:"


@pytest.mark.parametrize("name", ["PANDA:", "PANDA:PVI", "pva://PANDA:"])
def test_two_recordings_are_the_same_whatever_names_the_tree(
    gen: Gen, fastcs_panda: Mapping[str, str], name: str
) -> None:
    assert gen(fastcs_panda, name).stdout == (EXPECTED / "panda.yaml").read_text(encoding="utf-8")


def test_a_file_is_written_and_replaced(gen: Gen, fastcs_panda: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    for _ in range(2):
        done = gen(fastcs_panda, "PANDA:", "-o", "box/panda.yaml")
        assert done.returncode == CLEAN
        assert done.stdout == "wrote box/panda.yaml: 8 blocks, 18 signals\n"
        assert done.stderr == ""
        assert [path.name for path in tmp_path.glob("box/*")] == ["panda.yaml"]
        written = tmp_path / "box" / "panda.yaml"
        assert written.read_bytes() == (EXPECTED / "panda.yaml").read_bytes()
        written.write_text("older")


def test_a_file_that_cannot_be_written_is_named(gen: Gen, fastcs_panda: Mapping[str, str]) -> None:
    done = gen(fastcs_panda, "PANDA:", "-o", "box/panda.yaml")
    assert done.returncode == NOT_CLEAN
    assert done.stderr == "cannot write box/panda.yaml: No such file or directory\n"


def test_a_link_and_a_device_are_written_through(gen: Gen, fastcs_panda: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to("recorded.yaml")
    assert gen(fastcs_panda, "PANDA:", "-o", "link.yaml").returncode == CLEAN
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "recorded.yaml").read_bytes() == (EXPECTED / "panda.yaml").read_bytes()
    done = gen(fastcs_panda, "PANDA:", "-o", "/dev/stderr", "--quiet")
    assert done.stderr == (EXPECTED / "panda.yaml").read_text(encoding="utf-8")


def test_quiet_prints_nothing_but_problems(gen: Gen, fastcs_panda: Mapping[str, str]) -> None:
    done = gen(fastcs_panda, "PANDA:", "-o", "panda.yaml", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (CLEAN, "", "")


@pytest.mark.parametrize("name", ["ABSENT:", "PANDA", "PANDA:Pcap:Active"])
def test_nothing_is_written_when_there_is_no_tree(
    gen: Gen, fastcs_panda: Mapping[str, str], tmp_path: Path, name: str, update_golden: bool
) -> None:
    kept = tmp_path / "kept.yaml"
    kept.write_text("as it was")
    done = gen(fastcs_panda, name, "-o", kept, "--timeout", 1)
    assert done.returncode == NOT_CLEAN
    assert done.stdout == ""
    assert kept.read_text() == "as it was"
    file = name.lower().replace(":", "_").strip("_")
    expect(EXPECTED / f"no_tree_{file}.problems.txt", done.stderr, update_golden)


def test_a_pv_that_is_no_pvi_structure_is_said_to_be_none(gen: Gen, p4p_trees: Mapping[str, str]) -> None:
    done = gen(p4p_trees, "SCALAR:PVI")
    assert done.returncode == NOT_CLEAN
    assert "error[snapshot-impossible]: SCALAR:PVI: it serves no PVI structure" in done.stderr


def test_strict_writes_no_tree_that_lacks_anything(gen: Gen, p4p_trees: Mapping[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "kept.yaml"
    kept.write_text("as it was")
    done = gen(p4p_trees, "ODD:", "-o", kept, "--strict", "--timeout", 1)
    assert done.returncode == NOT_CLEAN
    assert "warning[snapshot-partial]: " in done.stderr
    assert kept.read_text() == "as it was"


def test_a_large_tree_is_recorded_whole(gen: Gen, p4p_trees: Mapping[str, str]) -> None:
    done = gen(p4p_trees, "BIG:")
    assert done.stderr == "21 blocks, 2,000 signals\n"
    recorded = signals(parsed(done.stdout).root)
    assert len(recorded) == 2000
    assert {signal.type for signal in recorded} == {"float64"}


def test_what_a_server_said_before_it_died_is_recorded(gen: Gen) -> None:
    with Served("p4p_trees.py", "BIG:7:50") as server:
        done = gen(server.environment, "BIG:", "--timeout", 1)
    assert done.returncode == CLEAN
    recorded = signals(parsed(done.stdout).root)
    assert len(recorded) == 2000
    lost = [signal for signal in recorded if signal.type == "unknown"]
    assert "BIG:7:50: no answer within 1 s" in {signal.missing for signal in lost}
    assert all(signal.missing for signal in lost)
    assert f"warning[snapshot-partial]: {len(lost):,} of what BIG:PVI leads to could not be read" in done.stderr


def test_a_slow_server_is_waited_for_while_anything_answers(gen: Gen) -> None:
    with Served("p4p_trees.py") as server:
        done = gen(server.environment, "SLOW:", "--timeout", 2)
    assert done.stderr == "1 block, 5 signals\n"
    assert [signal.type for signal in signals(parsed(done.stdout).root)] == ["int32"] * 5


def test_progress_is_shown_on_a_terminal(p4p_trees: Mapping[str, str]) -> None:
    master, slave = os.openpty()
    try:
        command = [sys.executable, "-m", "beamwright_generator.cli", "snapshot", "LEGACY:"]
        environment = os.environ | p4p_trees
        subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=slave, timeout=120, check=True)
        shown = os.read(master, 4096).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert "\r  1 block, 0 signals" in shown
    assert shown.endswith("3 blocks, 2 signals\r\n")


@pytest.mark.parametrize("name", ["", "two words", "a\nb"])
def test_a_name_that_no_pv_has_is_a_usage_error(gen: Gen, name: str) -> None:
    done = gen({}, name)
    assert done.returncode == USAGE
    assert "begins no PV" in done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, update_golden: bool) -> None:
    code = """if True:
        import sys
        sys.modules["p4p"] = None
        sys.argv = ["gen", "snapshot", "X:"]
        from beamwright_generator.cli.gen import main
        main()
        """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == NOT_CLEAN
    expect(EXPECTED / "not_installed.problems.txt", done.stderr, update_golden)


def test_the_example_of_the_page_is_a_snapshot(repository: Path) -> None:
    page = (repository / "docs" / "snapshots.md").read_text(encoding="utf-8")
    _, _, after = page.partition("```yaml\n")
    example, _, _ = after.partition("```")
    assert {signal.type for signal in signals(parsed(example).root)} >= {"bool", "enum", "table", "unknown"}
