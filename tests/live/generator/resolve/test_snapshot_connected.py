"""A class that is generated from a recorded tree has what ophyd-async finds when it walks the same tree itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.helpers.pvi_servers.generated_box import generate_box, qsrv_box, run_python
from tests.helpers.pvi_servers.served import Served

WALKER = Path(__file__).with_name("pvi_walker.py")


@pytest.fixture(params=["fastcs", "qsrv"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The prefix of a tree, and the variables by which clients find its server."""
    if request.param == "fastcs":
        prefix, server = "PANDA:", Served("fastcs_panda.py", "PANDA")
    else:
        prefix, server = "QSRV:", qsrv_box("pandablocks.db", "QSRV:")
    with server:
        yield prefix, server.environment


def test_the_class_has_what_a_walk_finds(served: tuple[str, Mapping[str, str]], tmp_path: Path) -> None:
    prefix, environment = served
    generate_box(tmp_path, environment, prefix)
    walked, generated = json.loads(run_python(tmp_path, environment, str(WALKER), prefix))
    assert len(walked) > 4
    assert generated.keys() == walked.keys()
    for path, facts in generated.items():
        expected = walked[path]
        if len(expected) == 2 or facts[2:3] == ["boolean"]:
            # A walk leaves two states that only say false and true as text.
            assert facts[:2] == expected[:2], path
        else:
            assert facts == expected, path
