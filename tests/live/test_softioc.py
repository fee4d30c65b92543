"""The soft IOC that other tests stand on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.softioc import HeldPorts, SoftIoc

DATABASE = 'record(longout, "$(P)A") { field(VAL, "42") }\n'
READ_BOTH = """
import asyncio, sys
from aioca import caget
from p4p.client.asyncio import Context

async def main():
    with Context("pva") as context:
        print(int(await caget(sys.argv[1])), int(await context.get(sys.argv[1])), sys.stdin.read())

asyncio.run(main())
"""


def test_records_are_served_over_both_protocols(tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    file.write_text(DATABASE.replace("$(P)A", "$(P)B").replace("42", "43"))
    with SoftIoc(DATABASE, file, macros="P=X:") as ioc:
        assert ioc.client(READ_BOTH, "X:A", data="in").split() == ["42", "42", "in"]
        assert ioc.client(READ_BOTH, "X:B").split() == ["43", "43"]


def test_two_at_once_do_not_meet_and_leave_nothing_behind() -> None:
    before = dict(os.environ)
    with SoftIoc(DATABASE, macros="P=X:") as one, SoftIoc(DATABASE.replace("42", "7"), macros="P=X:") as other:
        assert one.client(READ_BOTH, "X:A").split() == ["42", "42"]
        assert other.client(READ_BOTH, "X:A").split() == ["7", "7"]
        pids = (one.pid, other.pid)
    assert dict(os.environ) == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_clients_are_made_while_ports_are_held_for_a_server() -> None:
    held = HeldPorts(3)
    waiting = SoftIoc(DATABASE, macros="P=X:", ports=held.numbers)
    make_client = [sys.executable, "-c", "from p4p.client.thread import Context; Context('pva').close(); print('made')"]
    environment = os.environ | waiting.environment
    done = subprocess.run(make_client, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("made\n", 0), done.stderr
    held.release()
    with waiting:
        assert waiting.client(READ_BOTH, "X:A").split() == ["42", "42"]


def test_a_database_that_does_not_load() -> None:
    with pytest.raises(RuntimeError, match="syntax error"):
        SoftIoc("record(ai").start()


def test_a_client_that_fails() -> None:
    with SoftIoc(DATABASE, macros="P=X:") as ioc, pytest.raises(RuntimeError, match="exited with 3"):
        ioc.client("import sys; sys.exit(3)")


def test_it_is_started_once() -> None:
    with SoftIoc(DATABASE, macros="P=X:") as ioc, pytest.raises(RuntimeError, match="runs already"):
        ioc.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = ioc.pid
