"""What is asked of a server and not answered yet, over either protocol.

ADR 0028 rules here.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ophyd_async.core import NotConnectedError

from beamwright_runtime.errors import PutRefusedError, PutUnansweredError, ReadRefusedError

LOST = "disconnected before it answered"


class ChannelRequest:
    """Something to read.

    :ivar pv: the PV with its protocol.
    :ivar answer: what the server answers.
    """

    __slots__ = ("answer", "pv")

    def __init__(self, pv: str, loop: asyncio.AbstractEventLoop) -> None:
        self.pv = pv
        self.answer: asyncio.Future[Any] = loop.create_future()

    def finish(self, value: Any = None) -> None:
        """Set the answer."""
        if not self.answer.done():
            self.answer.set_result(value)

    def fail(self, error: Exception) -> None:
        """Set an error instead of an answer."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def refusal(self, reason: str) -> Exception:
        """Return the error for a server or a library that refuses."""
        return ReadRefusedError(self.pv, reason)

    def loss(self) -> NotConnectedError:
        """Return the error for a server that is lost before it answers."""
        return NotConnectedError(f"{self.pv}: {LOST}")


class PutRequest(ChannelRequest):
    """A value to write.

    :ivar value: as it is sent.
    """

    __slots__ = ("value",)

    def __init__(self, pv: str, loop: asyncio.AbstractEventLoop, value: Any) -> None:
        super().__init__(pv, loop)
        self.value = value

    def refusal(self, reason: str) -> Exception:
        """Return the error for a server or a library that refuses the value."""
        return PutRefusedError(self.pv, self.value, reason)

    def loss(self) -> NotConnectedError:
        """Return the error for a server that is lost before it says whether it took the value."""
        return PutUnansweredError(self.pv, self.value, LOST)
