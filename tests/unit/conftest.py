"""These tests start no server: whoever starts one all the same is told where such a test belongs."""

from __future__ import annotations

import pytest

from tests.helpers.softioc import SoftIoc


@pytest.fixture(autouse=True)
def _no_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: SoftIoc) -> None:
        pytest.fail("a test that starts a server belongs into tests/live")

    if request.node.get_closest_marker("live") is None:
        monkeypatch.setattr(SoftIoc, "start", refuse)
