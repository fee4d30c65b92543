"""Every signal of the devices that ophyd-async tests itself with, on its own records, read by both side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ophyd_async.core import Array1D, Signal, SignalRW, StrictEnum, SubsetEnum, Table
from ophyd_async.epics.core import EpicsOptions
from ophyd_async.epics.testing import EpicsTestCaDevice, EpicsTestEnum, EpicsTestPvaDevice, EpicsTestTable

from tests.helpers.softioc import SoftIoc
from tests.live.runtime.compared import Updates, assert_same, connected, pair, same

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUT: dict[str, Any] = {
    "a_int": 43,
    "partialint": 44,
    "lessint": 45,
    "a_float": 43.5,
    "float_prec_0": 4,
    "a_str": "goodbye",
    "longstr": "another text, which is a good deal longer than forty characters",
    "longstr2": "another text, which is a good deal longer than forty characters",
    "a_bool": False,
    "bool_unnamed": False,
    "mbb_direct_bit": False,
    "slowseq": 2,
    "enum": EpicsTestEnum.C,
    "enum2": EpicsTestEnum.A,
    "subset_enum": "Ccc",
    "superset_enum": "Aaa",
    "enum_str_fallback": "Ccc",
    "uint8a": np.array([218], np.uint8),
    "int8a": np.array([-8, 3, 44], np.int8),
    "int16a": np.array([-855], np.int16),
    "uint16a": np.array([5666], np.uint16),
    "int32a": np.array([-2], np.int32),
    "uint32a": np.array([1022233], np.uint32),
    "int64a": np.array([-3, 2**62 + 1], np.int64),
    "uint64a": np.array([995444, 2**62 + 1], np.uint64),
    "float32a": np.array([1.0], np.float32),
    "float64a": np.array([0.2], np.float64),
    "stra": ["nine", "ten"],
    "table": EpicsTestTable(
        a_bool=np.array([True, False]),
        a_int=np.array([-5, 32], np.int32),
        a_float=np.array([8.5, -6.97]),
        a_str=["Hello", "Bat"],
        a_enum=[EpicsTestEnum.C, EpicsTestEnum.B],
    ),
}
SILENT = ("slowseq", "mbb_direct_bit")
"""Fields of which the records tell nobody when they are put."""


def signals(protocol: str) -> Iterator[tuple[str, str, str, Any]]:
    """Give protocol, attribute, PV and type of each signal that ophyd-async's test device has."""
    make = EpicsTestCaDevice if protocol == "ca" else EpicsTestPvaDevice
    for name, signal in make(f"{protocol}://O:").children():
        if isinstance(signal, Signal):
            backend: Any = signal._connector.backend
            yield protocol, name, backend.read_pv, backend.datatype


SIGNALS = [*signals("ca"), *signals("pva")]
each_signal = pytest.mark.parametrize(
    ("protocol", "name", "pv", "datatype"), SIGNALS, ids=[f"{protocol}-{name}" for protocol, name, *_ in SIGNALS]
)


async def test_all_that_can_be_put_is() -> None:
    settable = {name for name, child in EpicsTestPvaDevice("pva://O:").children() if isinstance(child, SignalRW)}
    assert settable == set(PUT)


@each_signal
async def test_a_signal_reads_describes_puts_and_watches_the_same(
    protocol: str, name: str, pv: str, datatype: Any, live: SoftIoc
) -> None:
    mine, theirs = await connected(protocol, pv, datatype)
    await assert_same(mine, theirs)
    if name not in PUT:
        return
    initial = await theirs.get_value()
    put = {"subset_enum": datatype, "superset_enum": datatype}.get(name, lambda value: value)(PUT[name])
    with Updates(mine) as seen:
        await seen.until(initial)
        for value, writer in ((put, mine), (initial, theirs), (put, theirs), (initial, mine)):
            await writer.put(value)
            if name in SILENT:
                continue
            seen_reading, their_reading = await seen.until(value), await theirs.get_reading()
            assert same(seen_reading.pop("value"), their_reading.pop("value"))
            assert seen_reading == their_reading
            await assert_same(mine, theirs)


@each_signal
async def test_a_signal_without_a_type_reads_as_what_is_served(
    protocol: str, name: str, pv: str, datatype: Any, live: SoftIoc
) -> None:
    mine, theirs = await connected(protocol, pv, None)
    await assert_same(mine, theirs)


class Wrong(StrictEnum):
    A = "Aaa"
    B = "B"
    C = "Ccc"


class WrongSubset(SubsetEnum):
    A = "Aaa"
    B = "B"


@pytest.mark.parametrize("protocol", ["ca", "pva"])
@pytest.mark.parametrize(
    ("datatype", "suffix", "said"),
    [
        (Wrong, "enum", 'choices differ: missing "B", extra "Bbb"'),
        (WrongSubset, "enum", 'choices differ: missing "B"'),
        (int, "str", "wrong type: declared int, served str"),
        (str, "float", "wrong type: declared str, served float"),
        (str, "stra", r"wrong type: declared str, served Sequence\[str\]"),
        (int, "uint8a", r"wrong type: declared int, served Array1D\[uint8\]"),
        (float, "enum", "wrong type: declared float, served enum"),
        (bool, "enum", "wrong type: declared bool, served enum of 3"),
        (int, "float_prec_1", "wrong type: declared int, served float with precision 1"),
        (Array1D[np.int32], "float64a", r"wrong type: declared Array1D\[int32\], served Array1D\[float64\]"),
    ],
)
async def test_a_wrong_type_is_refused_by_both_and_named_by_ours(
    protocol: str, datatype: Any, suffix: str, said: str, live: SoftIoc
) -> None:
    mine, theirs = pair(protocol, f"O:{suffix}", datatype)
    with pytest.raises(Exception, match=f"{protocol}://O:{suffix}: {said}"):
        await mine.connect(10)
    with pytest.raises(TypeError):
        await theirs.connect(10)


@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_a_bool_takes_a_setpoint_with_other_labels(protocol: str, live: SoftIoc) -> None:
    mine, theirs = await connected(protocol, "O:bool", bool, "O:bool_unnamed")
    await assert_same(mine, theirs)


@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_a_put_waits_for_the_record_unless_told_not_to(protocol: str, live: SoftIoc) -> None:
    waiting, _ = await connected(protocol, "O:slowseq", int)
    hasty, _ = await connected(protocol, "O:slowseq", int, options=EpicsOptions(wait=False))
    busy, _ = await connected(protocol, "O:slowseq.PACT", int)
    await waiting.put(1)
    assert await busy.get_value() == 0
    await hasty.put(1)
    assert await busy.get_value() == 1
    await waiting.put(1)
    assert await busy.get_value() == 0


@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_a_set_that_takes_too_long_says_which(protocol: str, live: SoftIoc) -> None:
    backend, _ = await connected(protocol, "O:slowseq", int)
    signal = SignalRW[int](backend, name="slow")
    await signal.connect()
    with pytest.raises(asyncio.TimeoutError, match=rf"{protocol}://O:slowseq"):
        await signal.set(1, timeout=0.05)
    await signal.set(1)


@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_putting_none_processes_with_the_value_of_now(protocol: str, live: SoftIoc) -> None:
    mine, _ = await connected(protocol, "O:slowseq", int)
    before = await mine.get_reading()
    await mine.put(None)
    after = await mine.get_reading()
    assert after["value"] == before["value"]
    assert after["timestamp"] > before["timestamp"]


async def test_a_table_of_no_declared_columns_is_put_by_columns(live: SoftIoc) -> None:
    mine, theirs = await connected("pva", "O:table", Table)
    initial = await theirs.get_value()
    put = Table(
        a_bool=np.array([1, 0], np.uint8),
        a_int=np.array([-5, 32], np.int32),
        a_float=np.array([8.5, -6.97]),
        a_str=["Hello", "Bat"],
        a_enum=["Ccc", "Bbb"],
    )
    for value in (put, initial):
        await mine.put(value)
        await assert_same(mine, theirs)
        assert same(await mine.get_value(), value)


async def test_an_image_changes_with_its_pixels_and_is_not_put(live: SoftIoc) -> None:
    mine, theirs = await connected("pva", "O:ntndarray", np.ndarray)
    pixels, _ = await connected("pva", "O:ntndarray:data", Array1D[np.int64])
    with Updates(mine) as seen:
        for row in (np.arange(6), np.zeros(6, np.int64)):
            await pixels.put(row)
            await seen.until(row.reshape(2, 3))
            await assert_same(mine, theirs)
    with pytest.raises(TypeError, match="not supported"):
        await mine.put(np.zeros((2, 3)))
