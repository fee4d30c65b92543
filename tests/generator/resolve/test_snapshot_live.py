"""A class that is generated from a recorded tree has what ophyd-async finds when it walks the same tree itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.pvi_servers.served import Served
from tests.softioc import SoftIoc

SERVERS = Path(__file__).parents[2] / "pvi_servers"
WALKER = Path(__file__).with_name("pvi_walker.py")
BEAMLINE = "name: b01\niocs:\n  - name: B01-EA-IOC-01\n    snapshots: [box.yaml]\n"


@pytest.fixture(params=["fastcs", "qsrv"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The prefix of a tree, and the variables by which clients find its server."""
    if request.param == "fastcs":
        prefix, server = "PANDA:", Served("fastcs_panda.py", "PANDA")
    else:
        prefix, server = "QSRV:", SoftIoc((SERVERS / "pandablocks.db").read_text().replace("$(P)", "QSRV:"))
    with server:
        yield prefix, server.environment


def test_the_class_has_what_a_walk_finds(served: tuple[str, Mapping[str, str]], tmp_path: Path) -> None:
    prefix, environment = served
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "beamline.yaml").write_text(BEAMLINE)
    run(tmp_path, environment, "-m", "beamwright_generator.cli", "snapshot", prefix, "-o", "box.yaml")
    run(tmp_path, environment, "-m", "beamwright_generator.cli", "beamline", "beamline.yaml")
    walked, generated = json.loads(run(tmp_path, environment, str(WALKER), prefix))
    assert len(walked) > 4
    assert generated.keys() == walked.keys()
    for path, facts in generated.items():
        expected = walked[path]
        if len(expected) == 2 or facts[2:3] == ["boolean"]:
            # A walk leaves two states that only say false and true as text.
            assert facts[:2] == expected[:2], path
        else:
            assert facts == expected, path


def run(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    path = os.pathsep.join([str(folder / "generated"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
