"""What a signal asks of its server: monitors only while staged or observed, descriptions once and not at each point."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from epicscorelibs.ca import dbr
from ophyd_async.core import SignalR, SignalRW, StandardReadable, SubsetEnum
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import RecordDevice
from beamwright_runtime.channels.ca.channel import CaChannel
from beamwright_runtime.channels.ca.monitors import CaMonitors
from beamwright_runtime.channels.ca.requests import CaRequests
from beamwright_runtime.channels.pva.channel import PvaMonitor
from beamwright_runtime.channels.pva.requests import PvaRequests
from beamwright_runtime.plans import ensure_connected
from tests.helpers.softioc import SoftIoc

Asked = Counter[tuple[str, str]]


class Scanned(StandardReadable, RecordDevice):
    position: Annotated[SignalRW[float], PvSuffix("Float"), Format.HINTED_SIGNAL]
    counts: Annotated[SignalR[int], PvSuffix("Int"), Format.UNCACHED_SIGNAL]
    state: Annotated[SignalR[str], PvSuffix("Enum"), Format.CONFIG_SIGNAL]
    other: Annotated[SignalR[float], PvSuffix("Whole")]


class Modes(SubsetEnum):
    PEAKS = "Peaks"


class Mode(RecordDevice):
    # Names that no other test has channels of.
    mode: Annotated[SignalRW[Modes], PvSuffix("Mode_RBV.VAL", "Mode.VAL")]


@pytest.fixture(params=["ca://S:", "pva://S:"])
def scanned(request: pytest.FixtureRequest, servers: SoftIoc) -> Scanned:
    return Scanned(request.param, "scanned")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Counts what is asked for after connecting, by PV: `value`, `description`, `updates`, and the end of these."""
    counts: Asked = Counter()

    def count(owner: type, method: str, pv: Any, what: Any) -> None:
        real = getattr(owner, method)

        def counting(self: Any, *arguments: Any) -> Any:
            counts[pv(self, *arguments), what(*arguments)] += 1
            return real(self, *arguments)

        monkeypatch.setattr(owner, method, counting)

    def of_channel(_self: Any, channel: Any, *_: Any) -> str:
        return str(channel.name)

    def ca_read(_channel: Any, kind: int, _decode: Any) -> str:
        return "description" if kind >= dbr.DBR_CTRL_ENUM - 3 else "value"

    def pva_read(_channel: Any, request: str | None) -> str:
        return "value" if request else "description"

    count(CaRequests, "get", of_channel, ca_read)
    count(PvaRequests, "get", of_channel, pva_read)
    count(CaMonitors, "begin", of_channel, lambda *_: "updates")
    count(PvaMonitor, "__init__", of_channel, lambda *_: "updates")
    count(CaMonitors, "end", lambda _, monitor: monitor.channel.name, lambda *_: "end")
    count(PvaMonitor, "close", lambda monitor: monitor._channel.name, lambda *_: "end")
    return counts


def test_a_step_scan_watches_what_it_reads_and_describes_it_once(
    scanned: Scanned, asked: Asked, run_engine: RunEngine
) -> None:
    events: list[Any] = []

    def plan() -> MsgGenerator[None]:
        yield from ensure_connected(scanned)
        asked.clear()
        yield from bp.scan([scanned], scanned.position, 0, 4, 5)

    run_engine(plan(), {"event": [lambda _, document: events.append(document)]})
    assert [event["data"]["scanned-position"] for event in events] == [0, 1, 2, 3, 4]
    # The position is read at each point because it is what moves; as a reading it comes from the monitor.
    assert asked["S:Float", "description"] == asked["S:Float", "updates"] == asked["S:Float", "end"] == 1
    assert asked["S:Int", "description"] == 1
    assert (asked["S:Int", "value"], asked["S:Int", "updates"]) == (5, 0)
    assert asked["S:Enum", "value"] == asked["S:Enum", "description"] == 1
    assert {pv for pv, _ in asked} == {"S:Float", "S:Int", "S:Enum"}


def test_several_runs_of_one_staging_describe_once(scanned: Scanned, asked: Asked, run_engine: RunEngine) -> None:
    def plan() -> MsgGenerator[None]:
        yield from ensure_connected(scanned)
        asked.clear()
        yield from bps.stage(scanned)
        for _ in range(3):
            yield from bps.open_run()
            for _ in range(2):
                yield from bps.create()
                yield from bps.read(scanned.position)
                yield from bps.save()
            yield from bps.close_run()
        yield from bps.unstage(scanned)

    run_engine(plan())
    assert asked == Counter({("S:Float", "updates"): 1, ("S:Float", "description"): 1, ("S:Float", "end"): 1})


@pytest.mark.asyncio(loop_scope="session")
async def test_connecting_and_reading_start_no_monitor(scanned: Scanned, asked: Asked, live: SoftIoc) -> None:
    await scanned.connect()
    assert not asked
    await scanned.position.get_value()
    await scanned.position.read()
    assert asked == Counter({("S:Float", "value"): 2})


def updates_come(scanned: Scanned, monkeypatch: pytest.MonkeyPatch, come: Callable[[Callable[[], None]], Any]) -> None:
    """Have `come` decide when an update of the position is taken."""
    backend = scanned.position._connector.backend
    watch = backend._watch
    monkeypatch.setattr(backend, "_watch", lambda told: watch(lambda reading: come(lambda: told(reading))))


@pytest.mark.asyncio(loop_scope="session")
async def test_what_was_put_is_read_though_its_update_comes_after_the_answer(
    scanned: Scanned, live: SoftIoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scanned.connect()
    updates_come(scanned, monkeypatch, lambda take: asyncio.get_running_loop().call_later(0.01, take))
    await scanned.position.stage()
    read = []
    for value in (5.0, 6.0, 7.0):
        await scanned.position.set(value)
        read.append((await scanned.position.read())["scanned-position"]["value"])
    await scanned.position.unstage()
    assert read == [5.0, 6.0, 7.0]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_put_does_not_wait_long_for_an_update_that_the_server_holds_back(
    scanned: Scanned, live: SoftIoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scanned.connect()
    await scanned.position.set(1.0)
    updates = 0

    def only_the_first(take: Callable[[], None]) -> None:
        nonlocal updates
        updates += 1
        if updates == 1:
            take()

    updates_come(scanned, monkeypatch, only_the_first)
    await scanned.position.stage()
    assert (await scanned.position.read())["scanned-position"]["value"] == 1.0
    await scanned.position.set(2.0)
    assert (await scanned.position.read())["scanned-position"]["value"] == 1.0
    assert await scanned.position.get_value(cached=False) == 2.0
    await scanned.position.unstage()


@pytest.mark.asyncio(loop_scope="session")
async def test_all_who_observe_share_one_monitor_which_ends_with_the_last(
    scanned: Scanned, asked: Asked, live: SoftIoc
) -> None:
    await scanned.connect()
    one: asyncio.Queue[Any] = asyncio.Queue()
    other: asyncio.Queue[Any] = asyncio.Queue()
    scanned.position.subscribe_reading(one.put_nowait)
    scanned.position.subscribe_reading(other.put_nowait)
    async with asyncio.timeout(30):
        assert await one.get() == await other.get()
    scanned.position.clear_sub(one.put_nowait)
    assert asked == Counter({("S:Float", "updates"): 1})
    scanned.position.clear_sub(other.put_nowait)
    assert asked == Counter({("S:Float", "updates"): 1, ("S:Float", "end"): 1})


@pytest.mark.asyncio(loop_scope="session")
async def test_a_setpoint_and_its_readback_are_asked_for_their_states_at_once(
    monkeypatch: pytest.MonkeyPatch, live: SoftIoc
) -> None:
    happened: list[str] = []

    def note(method: str, what: str) -> None:
        real = getattr(CaRequests, method)

        def noting(self: CaRequests, channel: CaChannel, *arguments: Any) -> None:
            happened.append(what)
            real(self, channel, *arguments)

        monkeypatch.setattr(CaRequests, method, noting)

    note("ask_control", "asked")
    note("_set_control", "told")
    await Mode("T:", "mode").connect()
    assert happened == ["asked", "asked", "told", "told"]
