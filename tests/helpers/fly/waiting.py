"""Waiting for what has no event of its own."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.002)
