"""These tests start no server: whoever starts one all the same is told where such a test belongs."""

from __future__ import annotations

import pytest

from tests.helpers.ports import searched_ports
from tests.helpers.softioc import SoftIoc


@pytest.fixture(scope="session", autouse=True)
def _where_to_search() -> None:
    """Have a client that one of these tests makes search where live tests of this process will serve."""
    searched_ports()


@pytest.fixture(autouse=True)
def _no_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: SoftIoc) -> None:
        pytest.fail("a test that starts a server belongs into tests/live")

    if request.node.get_closest_marker("live") is None:
        monkeypatch.setattr(SoftIoc, "start", refuse)
