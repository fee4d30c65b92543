"""Asks many PVs over PV Access at once, and stops to wait when nothing answers any more."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self, cast

from p4p.client.asyncio import Context, Disconnected, RemoteError

from beamwright_generator.observe.nt_facts import PvaValue
from beamwright_generator.observe.pvi_walk import NoAnswerError

AT_ONCE = 2000
"""PVs to read at the same time."""


class PvaClient:
    """Gets structures over PVA, searched for as the environment says.

    A server that is slow but works is waited for: a PV is given up when for `timeout` seconds neither it nor any other
    has answered. So a server that dies costs this time once, however many PVs it had.

    :param timeout: seconds without any answer.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._answered = 0.0
        self._places = asyncio.Semaphore(AT_ONCE)
        self._context = Context("pva", nt=False)

    async def get(self, name: str) -> PvaValue:
        """Return the structure that a PV serves now."""
        async with self._places:
            answer: asyncio.Future[Any] = asyncio.ensure_future(self._context.get(name))
            try:
                await self._until_answered(answer)
                served = cast("PvaValue", answer.result())
            except TimeoutError:
                raise NoAnswerError(f"no answer within {self._timeout:g} s") from None
            except Disconnected:
                raise NoAnswerError("the connection was lost") from None
            except RemoteError as error:
                raise NoAnswerError(f"refused: {' '.join(str(error).split())}") from None
            except (RuntimeError, ValueError) as error:  # what the client cannot decode, or a name that none can have
                raise NoAnswerError(f"not readable: {' '.join(str(error).split())}") from None
            finally:
                answer.cancel()
        return served

    async def _until_answered(self, answer: asyncio.Future[Any]) -> None:
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout
        while not answer.done():
            if now() >= deadline:
                raise TimeoutError
            await asyncio.wait({answer}, timeout=deadline - now())
            deadline = max(deadline, self._answered + self._timeout)
        self._answered = now()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
