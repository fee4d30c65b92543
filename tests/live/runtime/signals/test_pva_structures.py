"""Values over PVA that no record serves, read as ophyd-async reads them, and where that fails, better."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ophyd_async.core import Array1D, NotConnectedError, StrictEnum, Table

from beamwright_runtime import PutRefusedError
from beamwright_runtime.signals.pva_backend import PvaBackend
from tests.helpers.softioc import SoftIoc
from tests.live.runtime.compared import Strict, Subset, Superset, Updates, assert_same, connected, pair, same
from tests.live.runtime.pva_structures import ELEMENTS, IMAGES, INTEGERS

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Rows(Table):
    truth: Array1D[np.bool_]
    number: Array1D[np.int32]
    real: Array1D[np.float64]
    text: Sequence[str]


class Labelled(Table):
    truth: Array1D[np.bool_]
    number: Array1D[np.int32]
    real: Array1D[np.float64]
    text: Sequence[Subset]


def rows(make: Any, truth: list[bool], number: list[int], real: list[float], text: list[str]) -> Any:
    """Make a table of these columns."""
    return make(truth=np.array(truth), number=np.array(number, np.int32), real=np.array(real), text=text)


PUT: list[tuple[str, Any, Any]] = [
    *((f"Scalar:{code}", int, int(np.iinfo(element).min)) for code, element in INTEGERS.items()),
    ("Scalar:f", float, 0.5),
    ("Scalar:d", float, -3.25),
    ("Scalar:?", bool, False),
    ("Scalar:i", bool, True),
    ("Scalar:s", str, "other"),
    ("Scalar:s", str, ""),
    *((f"Array:{code}", Array1D[element], np.array([1, 0], element)) for code, element in ELEMENTS.items()),
    ("Array:s", Sequence[str], ["x", "", "y"]),
    ("Chars", str, "another text, " * 10),
    ("Enum", Strict, Strict.ONE),
    ("Enum", Subset, Subset.TWO),
    ("Enum", Superset, Superset.THREE),
    ("Enum", str, "One"),
    ("Table", Rows, rows(Rows, [False], [-7], [1e9], ["z"])),
    ("Table", Labelled, rows(Labelled, [True], [3], [0.0], [Subset.TWO])),
]


@pytest.mark.parametrize(("name", "datatype", "value"), PUT)
async def test_a_value_reads_describes_puts_and_watches_the_same(
    name: str, datatype: Any, value: Any, live: SoftIoc
) -> None:
    mine, theirs = await connected("pva", f"P:{name}", datatype)
    await assert_same(mine, theirs)
    initial = await theirs.get_value()
    with Updates(mine) as seen:
        for put in (value, initial):
            await mine.put(put)
            await seen.until(put)
            await assert_same(mine, theirs)
            assert same(await mine.get_value(), put)


NAMES = [name for name, *_ in PUT] + [f"Image:{name}" for name in IMAGES]


@pytest.mark.parametrize("name", dict.fromkeys(NAMES))
async def test_a_value_without_a_type_reads_as_what_is_served(name: str, live: SoftIoc) -> None:
    mine, theirs = await connected("pva", f"P:{name}", None)
    await assert_same(mine, theirs)


@pytest.mark.parametrize("name", IMAGES)
async def test_an_image_has_the_type_and_shape_that_was_served(name: str, live: SoftIoc) -> None:
    mine, theirs = await connected("pva", f"P:Image:{name}", np.ndarray)
    await assert_same(mine, theirs)
    assert same(await mine.get_value(), IMAGES[name])
    with Updates(mine) as seen:
        await seen.until(IMAGES[name])


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, -(2**63)])
async def test_a_whole_number_of_64_bits_is_exact(number: int, live: SoftIoc) -> None:
    mine, _ = await connected("pva", "P:Scalar:l", int)
    await mine.put(number)
    assert await mine.get_value() == number
    assert (await mine.get_reading())["value"] == number


async def test_before_the_first_image_there_are_no_pixels(live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:Image:None", np.ndarray)
    await backend.connect(10)
    assert (await backend.get_value()).shape == (0,)
    assert (await backend.get_datakey("source"))["shape"] == [0]


async def test_a_compressed_image_is_said_to_be_none(live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:Image:Compressed", np.ndarray)
    await backend.connect(10)
    with pytest.raises(ValueError, match=r"5 elements do not make an image of \[4, 3\], is it compressed\?"):
        await backend.get_value()


@pytest.mark.parametrize("datatype", [str, None])
async def test_an_enum_of_no_choices_reads_as_empty_text(datatype: Any, live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:NoChoices", datatype)
    await backend.connect(10)
    assert await backend.get_value() == ""
    assert (await backend.get_datakey("source"))["choices"] == []
    with Updates(backend) as seen:
        await seen.until("")
    with pytest.raises(PutRefusedError, match=r"pva://P:NoChoices: .* no such state, there are \[\]"):
        await backend.put("On")


@pytest.mark.parametrize("datatype", [Strict, Subset, Superset, str])
async def test_an_index_beyond_the_choices_reads_as_empty_text(datatype: Any, live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:BeyondChoices", datatype)
    await backend.connect(10)
    assert await backend.get_value() == ""
    assert (await backend.get_reading())["value"] == ""


async def test_one_state_is_no_sequence_of_states(live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:Enum", Sequence[Strict])
    with pytest.raises(NotConnectedError, match=r"P:Enum: wrong type: declared Sequence\[Strict\], served enum of 3"):
        await backend.connect(10)


async def test_a_table_that_was_never_set_has_no_rows(live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:UnsetTable", Rows)
    await backend.connect(10)
    assert len(await backend.get_value()) == 0
    assert (await backend.get_datakey("source"))["shape"] == [0]


async def test_a_value_without_time_and_alarm_is_read_as_of_now(live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:Timeless", float)
    await backend.connect(10)
    before = time.time()
    reading = await backend.get_reading()
    assert reading == {"value": 1.5, "alarm_severity": 0, "timestamp": reading["timestamp"]}
    assert before <= reading["timestamp"] <= time.time()
    with Updates(backend) as seen:
        await seen.until(1.5)


async def test_a_refusal_of_the_server_names_the_pv(live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:Refusing", float)
    await backend.connect(10)
    with pytest.raises(PutRefusedError, match=r"P:Refusing: put of 2\.0 was refused: not while the shutter is open"):
        await backend.put(2.0)


async def test_a_value_of_another_type_is_refused_with_the_pv(live: SoftIoc) -> None:
    backend, _ = pair("pva", "P:Scalar:i", int)
    await backend.connect(10)
    with pytest.raises(PutRefusedError, match="pva://P:Scalar:i: put of 'many' was refused"):
        await backend.put("many")


class Gains(StrictEnum):
    LOW = "LOW"
    HIGH = "HIGH"


class Regions(Table):
    x: Array1D[np.int32]
    weight: Array1D[np.float64]


@pytest.mark.parametrize(
    ("name", "datatype", "value"),
    [
        ("Exposure", float, 0.25),
        ("Frames", int, 7),
        ("Armed", bool, True),
        ("Title", str, "night shift"),
        ("Gain", Gains, Gains.HIGH),
        ("Gain", bool, True),
        ("Regions", Regions, Regions(x=np.array([1, 2], np.int32), weight=np.array([0.5, 0.25]))),
    ],
)
async def test_a_fastcs_attribute_reads_describes_puts_and_watches_the_same(
    name: str, datatype: Any, value: Any, fastcs: None
) -> None:
    mine, theirs = await connected("pva", f"F:{name}_RBV", datatype, f"F:{name}")
    with Updates(mine) as seen:
        await mine.put(value)
        await seen.until(value)
        await assert_same(mine, theirs)


async def test_a_fastcs_table_that_was_never_set_has_no_rows(fastcs: None) -> None:
    backend, _ = pair("pva", "F:Unset", Regions)
    await backend.connect(30)
    assert len(await backend.get_value()) == 0


async def test_a_fastcs_image_is_read_in_rows(fastcs: None) -> None:
    mine, theirs = await connected("pva", "F:Image", np.ndarray)
    await assert_same(mine, theirs)
    assert same(await mine.get_value(), np.zeros((2, 3), np.uint16))


async def test_a_read_before_connecting_names_the_pv() -> None:
    backend = PvaBackend(float, "P:Scalar:d", "P:Scalar:d")
    for read in (backend.get_value, backend.get_setpoint, backend.get_reading):
        with pytest.raises(NotConnectedError, match="pva://P:Scalar:d has not been connected"):
            await read()
