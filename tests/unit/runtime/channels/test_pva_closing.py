"""Requests over PV Access are closed in threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from beamwright_runtime.channels.pva.closer import Closer


class Request:
    """Notes where it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.thread: threading.Thread | None = None
        self.may_close = threading.Event()
        self.may_close.set()

    def close(self) -> None:
        """Wait, as p4p does, and take note."""
        self.may_close.wait(60)
        self.thread = threading.current_thread()
        self.closed.set()


@pytest.fixture
def closer() -> Iterator[Closer]:
    made = Closer()
    yield made
    made.end()


def test_whoever_closes_a_request_does_not_wait(closer: Closer) -> None:
    slow, next_ = Request(), Request()
    slow.may_close.clear()
    closer.close([slow, next_])
    assert next_.closed.wait(60)
    assert not slow.closed.is_set()
    slow.may_close.set()
    assert slow.closed.wait(60)
    assert threading.current_thread() not in (slow.thread, next_.thread)


def test_after_its_end_requests_are_closed_at_once(closer: Closer) -> None:
    first, late = Request(), Request()
    closer.close([first])
    assert first.closed.wait(60)
    closer.end()
    closer.close([late])
    assert late.thread is threading.current_thread()


def test_nothing_starts_where_there_is_nothing_to_close(closer: Closer) -> None:
    before = set(threading.enumerate())
    closer.close([])
    assert set(threading.enumerate()) == before
