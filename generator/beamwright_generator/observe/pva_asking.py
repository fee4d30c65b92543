"""Asks many PVs over PV Access at once, a bounded number at a time, and never waits without an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, cast

from p4p.client.asyncio import Context, Disconnected, RemoteError

from beamwright_generator.observe.nt_types import Served
from beamwright_generator.observe.pvi_tree import NoAnswerError

AT_ONCE = 1000
"""PVs that are asked at the same time; more does not make a server answer sooner."""


class Asking:
    """Gets structures over PVA, as the environment says where to search.

    :param timeout: seconds that each PV has to answer.
    :param answered: called with the name of each PV that answered.
    """

    def __init__(self, timeout: float, answered: Callable[[str], None] = lambda name: None) -> None:
        self._timeout = timeout
        self._answered = answered
        self._room = asyncio.Semaphore(AT_ONCE)
        self._context = Context("pva", nt=False)

    async def get(self, name: str) -> Served:
        """Give what a PV serves now, or raise `NoAnswerError`."""
        async with self._room:
            try:
                served = cast(Served, await asyncio.wait_for(self._context.get(name), self._timeout))
            except TimeoutError:
                raise NoAnswerError(f"no answer within {self._timeout:g} s") from None
            except Disconnected:
                raise NoAnswerError("the connection was lost") from None
            except RemoteError as error:
                raise NoAnswerError(f"refused: {' '.join(str(error).split())}") from None
            except (RuntimeError, ValueError) as error:  # what the client cannot decode, or a name that cannot be
                raise NoAnswerError(f"not readable: {' '.join(str(error).split())}") from None
        self._answered(name)
        return served

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
