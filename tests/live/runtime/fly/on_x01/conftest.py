"""One RunEngine for a file's tests: channels live in the loop that made them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bluesky import RunEngine

from beamwright_twin import Twin


@pytest.fixture(scope="module")
def engine(twin: Twin) -> Iterator[RunEngine]:
    made = RunEngine({})
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)
