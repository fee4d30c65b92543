"""The servers whose PVI trees are recorded; each runs in a process of its own and is found on 127.0.0.1 alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.helpers.paths import PVI_SERVERS
from tests.helpers.pvi_servers.served import Served
from tests.helpers.softioc import SoftIoc


@pytest.fixture(scope="session")
def fastcs_panda() -> Iterator[Mapping[str, str]]:
    """How to find a small PandA that FastCS serves as `PANDA:PVI`."""
    with Served("fastcs_panda.py", "PANDA") as server:
        yield server.environment


@pytest.fixture(scope="session")
def p4p_trees() -> Iterator[Mapping[str, str]]:
    """How to find the trees of `p4p_trees.py`."""
    with Served("p4p_trees.py") as server:
        yield server.environment


@pytest.fixture(scope="session")
def qsrv() -> Iterator[Mapping[str, str]]:
    """How to find what QSRV serves from the databases beside the servers, each under a prefix of its name."""
    texts = [
        (PVI_SERVERS / f"{name.lower()}.db").read_text().replace("$(P)", f"{name}:")
        for name in ("PANDABLOCKS", "FORMATTER", "REFUSED")
    ]
    with SoftIoc(*texts) as ioc:
        yield ioc.environment
