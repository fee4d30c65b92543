"""Reads what running IOCs serve: the types and choices of many PVs at once, never a value, and never puts.

An IOC is asked for a few of its PVs first, so that one that is down is not searched for by all of its names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from beamwright_generator.basics.choices import Transport
from beamwright_generator.parse.yaml.observation_file import ENUM, Fact

PROBES: Final = 50
"""PVs by which an IOC shows that it runs."""

WITNESSES: Final = 20
"""PVs by which an IOC shows that it still runs, when others of its PVs did not answer."""


@dataclass(frozen=True, slots=True)
class IocQuery:
    """What is asked of one IOC.

    :param names: PVs that it should serve, each with how it is reached.
    :param perhaps: PVs that it may serve as well.
    """

    names: dict[str, Transport]
    perhaps: dict[str, Transport]


@dataclass
class IocAnswer:
    """What one IOC answered.

    :param down: no PV answered, or some answered and later did not, so that nothing is known.
    :param lost: it was running when the run began.
    """

    facts: dict[str, Fact] = field(default_factory=dict)
    down: bool = False
    lost: bool = False


class PvReader(Protocol):
    """Reads over one transport."""

    async def fact(self, name: str) -> Fact | None:
        """Return what a PV serves; None if it does not answer in time."""
        ...

    async def answers(self, name: str) -> bool:
        """Return whether a PV that answered before still answers."""
        ...


Progress = Callable[[int, int], None]
"""Called with how many of how many PVs were asked."""


async def read_iocs(
    iocs: Mapping[str, IocQuery], timeout: float, at_once: int, progress: Progress
) -> dict[str, IocAnswer]:
    """Read the PVs of all IOCs at the same time.

    :param timeout: seconds that a PV has to answer.
    :param at_once: PVs to read at the same time.
    :raises ModuleNotFoundError: without aioca or p4p, as far as they are needed.
    """
    used = {over for asked in iocs.values() for over in (*asked.names.values(), *asked.perhaps.values())}
    async with AsyncExitStack() as stack:
        readers: dict[Transport, PvReader] = {}
        for over in used:
            opened = _over_ca(timeout) if over is Transport.CA else _over_pva(timeout)
            readers[over] = await stack.enter_async_context(opened)
        total = sum(len(asked.names) + len(asked.perhaps) for asked in iocs.values())
        together = _SurveyContext(readers, asyncio.Semaphore(at_once), total, progress)
        answers = await asyncio.gather(*(_IocSurvey(together, asked).run() for asked in iocs.values()))
    return dict(zip(iocs, answers, strict=True))


@dataclass
class _SurveyContext:
    """What all IOCs share: the readers, how many PVs are asked at a time, and how far the run is."""

    readers: Mapping[Transport, PvReader]
    places: asyncio.Semaphore
    total: int
    progress: Progress
    done: int = 0

    def count(self, number: int) -> None:
        self.done += number
        self.progress(self.done, self.total)


@dataclass
class _IocSurvey:
    """Asks one IOC."""

    together: _SurveyContext
    asked: IocQuery
    found: dict[str, Fact] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    silent: int = 0
    gone: bool = False

    async def run(self) -> IocAnswer:
        asked, probes = self.asked, _spread(list(self.asked.names), PROBES)
        probing = asyncio.ensure_future(self._ask({name: asked.names[name] for name in probes}))
        answered = asyncio.ensure_future(self.answered.wait())
        await asyncio.wait((probing, answered), return_when=asyncio.FIRST_COMPLETED)
        answered.cancel()
        if not self.found:
            self.together.count(len(asked.names) - len(probes) + len(asked.perhaps))
            return IocAnswer(down=True)
        probed = frozenset(probes)
        rest = {name: over for name, over in (asked.names | asked.perhaps).items() if name not in probed}
        await asyncio.gather(probing, self._ask(rest))
        # Names that an IOC lacks and an IOC that went away look the same, but for what answered before.
        complete = self.found.keys() >= asked.names.keys()
        if self.gone or not (complete or await self._still_answers(WITNESSES)):
            return IocAnswer(down=True, lost=True)
        return IocAnswer(self.found)

    async def _ask(self, names: Mapping[str, Transport]) -> None:
        await asyncio.gather(*(self._ask_one(name, over) for name, over in names.items()))

    async def _ask_one(self, name: str, over: Transport) -> None:
        async with self.together.places:
            fact = await self.together.readers[over].fact(name) if not self.gone else None
        self.together.count(1)
        if fact is not None:
            self.found[name] = fact
            self.silent = 0
            self.answered.set()
            return
        self.silent += 1
        # One that went away is not waited for by all of its names.
        if self.silent % WITNESSES == 0 and self.found and not self.gone:
            self.gone = not await self._still_answers(1)

    async def _still_answers(self, witnesses: int) -> bool:
        names = _spread([name for name in self.asked.names if name in self.found], witnesses)
        readers = self.together.readers
        return all(await asyncio.gather(*(readers[self.asked.names[name]].answers(name) for name in names)))


def _spread(names: Sequence[str], count: int) -> list[str]:
    """Choose some names from the whole of a list."""
    step = max(1, -(-len(names) // count))
    return list(names[::step])


@asynccontextmanager
async def _over_ca(timeout: float) -> AsyncIterator[PvReader]:
    import aioca
    from epicscorelibs.ca import cadef

    aioca.get_channel_infos()  # makes the context, which the handler is for
    # libca would print that an IOC went away, which the run itself tells.
    unheard = cadef.exception_handler(lambda said: None)
    cadef.ca_add_exception_event(unheard, None)
    try:
        yield _CaReader(timeout)
    finally:
        aioca.purge_channel_caches()
        cadef.ca_add_exception_event(cadef.exception_handler(), None)


class _CaReader:
    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    async def fact(self, name: str) -> Fact | None:
        from aioca import FORMAT_CTRL, caget, cainfo

        info: Any = await cainfo(name, timeout=self._timeout, throw=False)
        if not info.ok:
            return None
        native = _CA_TYPES.get(info.datatype, "no access")
        size = info.count if info.count != 1 else None
        if native != "ENUM":
            return Fact(native, size)
        if size is not None:
            return Fact(ENUM, size)
        value: Any = await caget(name, format=FORMAT_CTRL, timeout=self._timeout, throw=False)
        return Fact(ENUM, None, _texts(value.enums)) if value.ok else None

    async def answers(self, name: str) -> bool:
        from aioca import caget

        value: Any = await caget(name, count=1, timeout=self._timeout, throw=False)
        return bool(value.ok)


_CA_TYPES: Final = {0: "STRING", 1: "SHORT", 2: "FLOAT", 3: "ENUM", 4: "CHAR", 5: "LONG", 6: "DOUBLE"}
"""DBF types of CA (`db_access.h`)."""


@asynccontextmanager
async def _over_pva(timeout: float) -> AsyncIterator[PvReader]:
    from beamwright_generator.observe.pva_requests import PvaClient

    with PvaClient(timeout) as asking:
        yield _PvaReader(asking)


class _PvaReader:
    def __init__(self, asking: Any) -> None:
        self._asking = asking

    async def fact(self, name: str) -> Fact | None:
        from beamwright_generator.observe.nt_facts import UNKNOWN, facts_of
        from beamwright_generator.observe.pvi_walk import NoAnswerError

        try:
            found = facts_of(await self._asking.get(name))
        except NoAnswerError:
            return None
        if found.type == ENUM:
            return Fact(ENUM, None, _texts(found.choices or ()))
        element = found.type.removesuffix("[]")
        named = (found.nt or "structure") if found.type == UNKNOWN else element
        return Fact(named, None if element == found.type else 0)

    async def answers(self, name: str) -> bool:
        return await self.fact(name) is not None


def _texts(choices: Iterable[str]) -> tuple[str, ...]:
    """Return choices as text that a file can hold, whatever bytes a server sent."""
    return tuple(str(choice).encode("utf-8", "replace").decode() for choice in choices)
