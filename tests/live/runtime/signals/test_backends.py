"""Signals read, describe, put and watch as ophyd-async's own do, and where those fail they do better."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ophyd_async.core import Array1D, NotConnectedError, SignalRW
from ophyd_async.epics.core import EpicsOptions

from beamwright_runtime import PutRefusedError, PutUnansweredError, disconnect
from beamwright_runtime.channels.user import ChannelUser
from beamwright_runtime.signals.ca_backend import CaBackend, CaCommand
from beamwright_runtime.signals.pva_backend import PvaBackend, PvaCommand
from tests.helpers.softioc import SoftIoc
from tests.live.runtime.compared import Strict, Subset, Superset, Updates, assert_same, connected, pair

pytestmark = pytest.mark.asyncio(loop_scope="session")


BOTH: list[tuple[str, Any, Any]] = [
    ("Float", float, 3.25),
    ("Float", None, 3.5),
    ("Whole", float, 1.0),
    ("Whole", int, 2),
    ("Int", int, 12),
    ("Int", None, 13),
    ("Bool", bool, False),
    ("Bool", str, "No"),
    ("Enum", Strict, Strict.THREE),
    ("Enum", Subset, Subset.TWO),
    ("Enum", Superset, Superset.ONE),
    ("Enum", str, "Three"),
    ("Enum", None, "One"),
    ("Text", str, "other"),
    ("Floats", Array1D[np.float64], np.array([4.0, 5.5])),
    ("Single", Array1D[np.float32], np.array([4.0, 5.5], np.float32)),
    ("Shorts", Array1D[np.int16], np.array([4, 5], np.int16)),
    ("Bytes", Array1D[np.uint8], np.array([4, 5], np.uint8)),
    ("Ints", Array1D[np.int32], np.array([4, 5], np.int32)),
    ("Texts", Sequence[str], ["x", "y"]),
    ("Path", str, "/a/long/" + "path/" * 12),
    ("Empty", Array1D[np.float64], np.array([1.0])),
]
MATRIX = [
    *(("ca", *row) for row in BOTH),
    *(("pva", *row) for row in BOTH),
    ("ca", "LongText.VAL$", str, "long " * 20),
    ("pva", "LongText", str, "long " * 20),
    ("pva", "Long", int, 9007199254740995),
    ("ca", "Enum.DESC", str, "described"),
    ("ca", "Bool.PROC", bool, False),
]


@pytest.mark.parametrize(("protocol", "name", "datatype", "value"), MATRIX)
async def test_values_readings_and_descriptions_are_those_of_ophyd_async(
    protocol: str, name: str, datatype: Any, value: Any, live: SoftIoc
) -> None:
    mine, theirs = await connected(protocol, f"S:{name}", datatype)
    assert isinstance(mine, type(theirs))
    assert mine.source("", True) == theirs.source("", True)
    await assert_same(mine, theirs)
    await mine.put(value)
    await assert_same(mine, theirs)
    if name != "Whole":  # a calculation puts its own result
        assert np.array_equal(await mine.get_value(), value)


@pytest.mark.parametrize(("protocol", "name", "datatype", "value"), MATRIX)
async def test_changes_are_seen(protocol: str, name: str, datatype: Any, value: Any, live: SoftIoc) -> None:
    mine, _ = pair(protocol, f"S:{name}", datatype)
    await mine.connect(5)
    with Updates(mine) as seen:
        with pytest.raises(RuntimeError, match="already set"):
            mine.set_callback(print)
        await seen.until(await mine.get_value())


@pytest.mark.parametrize(
    ("protocol", "name", "datatype", "value"),
    [
        ("ca", "LongText.VAL$", str, ""),
        ("ca", "LongText", str, ""),
        ("ca", "Stateless", str, ""),
        ("pva", "Stateless", str, ""),
        ("ca", "Unset", str, ""),
        ("pva", "Long", int, 9007199254740993),
    ],
)
async def test_what_ophyd_async_cannot_read(protocol: str, name: str, datatype: Any, value: Any, live: SoftIoc) -> None:
    mine, _ = pair(protocol, f"S:{name}", datatype)
    await mine.connect(5)
    if name.startswith("Long"):
        await mine.put(value)
    assert await mine.get_value() == value
    assert (await mine.get_reading())["value"] == value


@pytest.mark.parametrize(("protocol", "make"), [("ca", CaCommand), ("pva", PvaCommand)])
async def test_a_command_processes_its_record(protocol: str, make: Any, live: SoftIoc) -> None:
    command = make("S:Bool")
    await command.connect(5)
    bool_signal, _ = pair(protocol, "S:Bool", bool)
    await bool_signal.connect(5)
    await bool_signal.put(False)
    await command.execute()
    assert await bool_signal.get_value() is True


@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_a_put_that_does_not_wait_returns(protocol: str, live: SoftIoc) -> None:
    make: Any = CaBackend if protocol == "ca" else PvaBackend
    backend = make(float, "S:Float", "S:Float", EpicsOptions(wait=lambda value: value > 5))
    await backend.connect(5)
    await backend.put(1.0)
    await backend.put(6.0)
    assert await backend.get_value() == 6


@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_a_state_that_is_not_served_is_refused_by_name(protocol: str, live: SoftIoc) -> None:
    backend, _ = pair(protocol, "S:Enum", str)
    await backend.connect(5)
    with pytest.raises(PutRefusedError) as caught:
        await backend.put("Nine")
    told = f"{protocol}://S:Enum: put of 'Nine' was refused: there is no such state, there are ['One', 'Two', 'Three']"
    assert str(caught.value) == told


async def test_a_refusal_of_the_server_names_the_pv(live: SoftIoc) -> None:
    backend, _ = pair("ca", "S:Whole.RTYP", str)
    await backend.connect(5)
    with pytest.raises(PutRefusedError, match=r"ca://S:Whole\.RTYP: put of 'calc' was refused"):
        await backend.put("calc")


class Watched(asyncio.Event):
    """Is set when the loss of a backend's channels would be told."""

    def __init__(self, backend: ChannelUser) -> None:
        super().__init__()
        self._backend = backend
        backend.watches += (self,)
        self.watch_added()

    def count_change(self, before: int, now: int, many: int = 1) -> None:
        """Nothing waits for that here."""

    def watch_added(self) -> None:
        """Look whether all channels are watched."""
        if self._backend.watched:
            self.set()


@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_a_request_that_a_lost_server_does_not_answer_names_the_pv(
    protocol: str, mortal: SoftIoc, live: SoftIoc
) -> None:
    mortal.start()
    slow, _ = pair(protocol, "M:Slow", int)
    gain, _ = pair(protocol, "M:Gain", float)
    await slow.connect(30)
    await gain.connect(30)
    async with asyncio.timeout(30):
        await Watched(slow).wait()
        await Watched(gain).wait()
    put = asyncio.ensure_future(slow.put(1))
    assert await gain.get_value() == 2.5
    os.kill(mortal.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, mortal.pid, os.WSTOPPED)
    read = asyncio.ensure_future(gain.get_value())
    await asyncio.sleep(0)  # the turn in which it is asked
    mortal.kill()
    with pytest.raises(PutUnansweredError, match=f"{protocol}://M:Slow: put of 1 failed: disconnected before"):
        await asyncio.wait_for(put, 30)
    with pytest.raises(NotConnectedError, match=f"{protocol}://M:Gain: disconnected before it answered"):
        await asyncio.wait_for(read, 30)
    with pytest.raises(NotConnectedError, match=f"{protocol}://M:Gain is disconnected"):
        await gain.get_reading()


async def test_many_signals_are_read_at_once(live: SoftIoc) -> None:
    signals = [SignalRW[float](CaBackend(float, "S:Float", "S:Float")) for _ in range(50)]
    await asyncio.gather(*(each.connect() for each in signals))
    values = await asyncio.gather(*(each.get_value() for each in signals))
    assert len(set(values)) == 1
    await disconnect(*signals)
    assert all(isinstance(each._connector.backend, ChannelUser) for each in signals)
