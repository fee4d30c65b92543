"""What a server, a record or the library refuses is said with PV, value and reason, and never ends as done."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, MsgGenerator
from ophyd_async.core import (
    Array1D,
    NotConnectedError,
    SignalRW,
    SignalW,
    TriggerableCommand,
    set_and_wait_for_value,
)
from ophyd_async.epics.core import EpicsOptions, PvSuffix

from beamwright_runtime import (
    Motor,
    PutFailedError,
    PutRefusedError,
    PutUnansweredError,
    ReadRefusedError,
    RecordDevice,
)
from beamwright_runtime.plans import ensure_connected
from beamwright_runtime.signals.ca_backend import CaBackend
from beamwright_runtime.signals.pva_backend import PvaBackend
from tests.helpers.softioc import SoftIoc
from tests.live.runtime.compared import Updates

live_test = pytest.mark.asyncio(loop_scope="session")
both = pytest.mark.parametrize("protocol", ["ca", "pva"])
waiting = pytest.mark.parametrize("wait", [True, False])


class Guarded(RecordDevice):
    locked: Annotated[SignalRW[float], PvSuffix("Locked")]
    disabled: Annotated[SignalRW[float], PvSuffix("Disabled")]
    locked_go: Annotated[TriggerableCommand, PvSuffix("LockedGo")]
    disabled_go: Annotated[TriggerableCommand, PvSuffix("DisabledGo")]


def make(protocol: str, name: str, datatype: Any, wait: bool = True) -> Any:
    """Make a signal of one PV."""
    backend: Any = CaBackend if protocol == "ca" else PvaBackend
    return SignalRW(backend(datatype, name, name, EpicsOptions(wait=wait)))


async def refused(put: Callable[[], Awaitable[Any]]) -> PutRefusedError:
    """Give the error of a put that is refused."""
    with pytest.raises(PutRefusedError) as caught:
        await put()
    return caught.value


DENIED = {"ca": "Write access denied", "pva": "Put not permitted"}
DISABLED = {
    "ca": "Channel write request failed (the record has DISP 1, or takes no such value)",
    "pva": "Unable to put value: Field Disabled: S_db_putDisabled",
}
MANY_CHARACTERS = "x" * 60
CARRIED = "Channel Access carries 39 bytes of a text"
COUNT = "Invalid element count requested (it holds {})"

UNFIT: list[tuple[str, str, Any, Any, str]] = [
    ("ca", "Text", str, MANY_CHARACTERS, CARRIED),
    ("ca", "Text", str, "x" * 40, CARRIED),
    ("ca", "Text", str, "\u00b5" * 20, CARRIED),
    ("ca", "LongText.VAL$", str, MANY_CHARACTERS, COUNT.format(50)),
    ("ca", "Path", str, "x" * 20, COUNT.format(20)),
    ("ca", "Floats", Array1D[np.float64], np.arange(6.0), COUNT.format(4)),
    ("ca", "Texts", Sequence[str], ["a"] * 5, COUNT.format(4)),
    ("ca", "Texts", Sequence[str], ["a", MANY_CHARACTERS], CARRIED),
    ("ca", "Int", int, 2**31, "Python integer 2147483648 out of bounds for int32"),
    ("ca", "Int", int, "seven", DISABLED["ca"]),
    ("pva", "Int", int, "seven", 'Invalid input : "seven"'),
    *((protocol, "Locked", float, 5.0, DENIED[protocol]) for protocol in DENIED),
    *((protocol, "Locked.EGU", str, "mm", DENIED[protocol]) for protocol in DENIED),
    *((protocol, "LockedState", str, "Two", DENIED[protocol]) for protocol in DENIED),
    *((protocol, "LockedState", str, "Six", "there is no such state, there are ['One', 'Two']") for protocol in DENIED),
    *((protocol, "Disabled", float, 5.0, DISABLED[protocol]) for protocol in DENIED),
]


@live_test
@waiting
@pytest.mark.parametrize(("protocol", "name", "datatype", "value", "reason"), UNFIT)
async def test_a_refused_put_is_told_and_leaves_the_record_as_it_was(
    protocol: str, name: str, datatype: Any, value: Any, reason: str, wait: bool, live: SoftIoc
) -> None:
    guarded = make(protocol, f"G:{name}", datatype, wait)
    await guarded.connect()
    before = await guarded.get_value()
    error = await refused(lambda: guarded.set(value))
    assert (error.pv, error.reason) == (f"{protocol}://G:{name}", reason)
    assert error.value is value
    assert np.array_equal(await guarded.get_value(), before)


@live_test
async def test_it_reads_as_one_line(live: SoftIoc) -> None:
    locked, text, floats = make("ca", "G:Locked", float), make("ca", "G:Text", str), make("ca", "G:Floats", None)
    for each, value, line in (
        (locked, 5.0, "ca://G:Locked: put of 5.0 was refused: Write access denied"),
        (text, MANY_CHARACTERS, f"ca://G:Text: put of '{'x' * 50}'... (60 characters) was refused: {CARRIED}"),
        (floats, np.zeros(5), f"ca://G:Floats: put of 5 elements was refused: {COUNT.format(4)}"),
    ):
        await each.connect()
        assert str(await refused(lambda each=each, value=value: each.set(value))) == line


@pytest.mark.parametrize(
    "error",
    [
        PutFailedError("ca://X", 1, "why"),
        PutRefusedError("ca://X", 1, "why"),
        PutUnansweredError("ca://X", 1, "why"),
        ReadRefusedError("ca://X", "why"),
    ],
)
def test_an_error_is_true_and_survives_another_process(error: Exception) -> None:
    """Retry helpers and `concurrent.futures` ask `if error`: aioca's error is false there, and was lost."""
    assert error
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@live_test
@both
async def test_ophyd_async_that_sets_and_waits_is_told(protocol: str, live: SoftIoc) -> None:
    guarded = Guarded(f"{protocol}://G:", "guarded")
    await guarded.connect()
    error = await refused(lambda: set_and_wait_for_value(guarded.locked, 5.0))
    assert str(error) == f"{protocol}://G:Locked: put of 5.0 was refused: {DENIED[protocol]}"


@live_test
@both
async def test_another_thread_is_told(protocol: str, live: SoftIoc) -> None:
    locked = make(protocol, "G:Locked", float)
    await locked.connect()
    loop = asyncio.get_running_loop()

    async def put() -> None:
        await locked.set(5.0)

    with pytest.raises(PutRefusedError):
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(put(), loop).result())


@live_test
@both
async def test_a_command_is_told(protocol: str, live: SoftIoc) -> None:
    guarded = Guarded(f"{protocol}://G:", "guarded")
    await guarded.connect()
    for command, reason in ((guarded.locked_go, DENIED), (guarded.disabled_go, DISABLED)):
        error = await refused(command.trigger)
        assert (error.pv, error.value, error.reason) == (command.source, 1, reason[protocol])


@live_test
async def test_of_several_puts_without_callback_the_refused_one_is_told(live: SoftIoc) -> None:
    number: SignalW[Any] = make("ca", "G:Int", int, wait=False)
    await number.connect()
    values = (3, "seven", 4, "eight", 5)
    ends = await asyncio.gather(*(number.set(value) for value in values), return_exceptions=True)
    assert [getattr(end, "value", None) for end in ends] == [None, "seven", None, "eight", None]
    assert await make_connected("ca", "G:Int", int) == 5
    await number.set(1)


async def make_connected(protocol: str, name: str, datatype: Any) -> Any:
    """Read a PV."""
    signal_ = make(protocol, name, datatype)
    await signal_.connect()
    return await signal_.get_value()


@both
@pytest.mark.parametrize("name", ["locked", "disabled"])
@pytest.mark.usefixtures("servers")
def test_a_plan_that_moves_it_fails(protocol: str, name: str, run_engine: RunEngine) -> None:
    guarded = Guarded(f"{protocol}://G:", "guarded")
    documents: list[tuple[str, Any]] = []
    read: list[float] = []

    def move() -> MsgGenerator[None]:
        yield from ensure_connected(guarded)
        read.append((yield from bps.rd(getattr(guarded, name))))
        yield from bps.mv(getattr(guarded, name), 5.0)

    def scan() -> MsgGenerator[None]:
        yield from bp.scan([], getattr(guarded, name), 5.0, 7.0, 3)

    def look() -> MsgGenerator[None]:
        read.append((yield from bps.rd(getattr(guarded, name))))

    for plan in (move, scan):
        with pytest.raises(FailedStatus) as caught:
            run_engine(plan(), lambda kind, document: documents.append((kind, document)))
        assert isinstance(caught.value.__cause__, PutRefusedError)
        assert caught.value.__cause__.value == 5.0
    kinds = [kind for kind, _ in documents]
    assert "event" not in kinds
    assert documents[-1][1]["exit_status"] == "fail"
    run_engine(look())
    assert read == [1.0, 1.0]


@pytest.mark.usefixtures("servers")
def test_a_motor_that_nobody_may_move_fails_the_plan(run_engine: RunEngine) -> None:
    motor = Motor("LOCKED", "motor")
    read: list[float] = []

    def move() -> MsgGenerator[None]:
        yield from ensure_connected(motor)
        yield from bps.mv(motor, 5.0)

    def look() -> MsgGenerator[None]:
        read.append((yield from bps.rd(motor)))

    with pytest.raises(FailedStatus) as caught:
        run_engine(move())
    assert str(caught.value.__cause__) == "ca://LOCKED.VAL: put of 5.0 was refused: Write access denied"
    run_engine(look())
    assert read == [0.0]


@live_test
@waiting
async def test_a_put_to_a_server_that_goes_is_told(wait: bool, mortal: SoftIoc) -> None:
    mortal.start()
    gain = make("ca", "M:Gain", float, wait)
    await gain.connect(timeout=30)
    os.kill(mortal.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, mortal.pid, os.WSTOPPED)
    put = asyncio.ensure_future(gain._connector.backend.put(4.0))
    await asyncio.sleep(0)  # the turn in which it is sent
    mortal.kill()
    with pytest.raises(PutUnansweredError) as caught:
        await asyncio.wait_for(put, 30)
    assert isinstance(caught.value, NotConnectedError)
    assert str(caught.value) == "ca://M:Gain: put of 4.0 failed: disconnected before it answered"


@live_test
async def test_a_read_is_told_when_its_right_is_taken_away(live: SoftIoc, caplog: pytest.LogCaptureFixture) -> None:
    hidden, shown = make("ca", "G:Hidden", float), make("ca", "G:Shown", int)
    await hidden.connect()
    await shown.connect()
    logged = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Told(logging.Handler):
        """Is set by what is logged."""

        def emit(self, record: logging.LogRecord) -> None:
            loop.call_soon_threadsafe(logged.set)

    told = Told()
    logging.getLogger("beamwright").addHandler(told)
    try:
        with Updates(hidden._connector.backend) as seen:
            await seen.until(1.0)
            await shown.set(0)
            await asyncio.wait_for(logged.wait(), 30)
        with pytest.raises(ReadRefusedError, match="ca://G:Hidden: reading was refused: Read access denied"):
            await hidden.get_value()
    finally:
        await shown.set(1)
        logging.getLogger("beamwright").removeHandler(told)
    assert "ca://G:Hidden: reading was refused: Read access denied" in caplog.text
