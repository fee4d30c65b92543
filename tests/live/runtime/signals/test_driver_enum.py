"""Driver states connect whatever states the server has, over CA and PVA."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest
from aioca import caput
from ophyd_async.core import NotConnectedError, SignalR, SignalRW, observe_value, set_mock_value
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import DriverEnum, DriverStates, PutRefusedError, RecordDevice
from tests.helpers.softioc import SoftIoc

pytestmark = pytest.mark.asyncio(loop_scope="session")


class SimMode(DriverEnum):
    LINEAR_RAMP = "LinearRamp"
    PEAKS = "Peaks"
    SINE = "Sine"


class Simulation(RecordDevice):
    mode: Annotated[SignalRW[SimMode], PvSuffix.rbv("Mode")]
    other: Annotated[SignalRW[SimMode], PvSuffix("Other")]
    changing: Annotated[SignalRW[SimMode], PvSuffix("Changing")]
    stateless: Annotated[SignalR[SimMode], PvSuffix("Stateless")]
    text: Annotated[SignalR[SimMode], PvSuffix("Text")]


class Bringing(RecordDevice):
    states: Annotated[SignalRW[str], PvSuffix("Other"), DriverStates()]
    number: Annotated[SignalRW[str], PvSuffix("Brought"), DriverStates()]
    mixed: Annotated[SignalRW[str], PvSuffix("Other", "Brought"), DriverStates()]


@pytest.fixture(params=["ca://T:", "pva://T:"])
async def simulation(request: pytest.FixtureRequest, live: SoftIoc) -> Simulation:
    device = Simulation(request.param, "simulation")
    await device.connect()
    return device


async def test_a_member_is_read_as_the_member(simulation: Simulation) -> None:
    await simulation.mode.set(SimMode.PEAKS)
    assert await simulation.mode.get_value() is SimMode.PEAKS
    assert (await simulation.mode.locate())["setpoint"] is SimMode.PEAKS
    assert (await simulation.mode.read())["simulation-mode"]["value"] is SimMode.PEAKS


async def test_a_state_that_is_no_member_is_read_as_text(simulation: Simulation) -> None:
    value = await simulation.other.get_value()
    assert value == "Fast"
    assert type(value) is str


async def test_the_states_of_the_server_are_described(simulation: Simulation) -> None:
    description = await simulation.mode.describe()
    assert description["simulation-mode"]["choices"] == ["LinearRamp", "Peaks", "Custom"]
    assert description["simulation-mode"]["dtype"] == "string"


async def test_putting_a_state_that_the_server_lacks_names_the_pv_and_its_states(simulation: Simulation) -> None:
    transport = simulation.other.source.partition("://")[0]
    with pytest.raises(PutRefusedError, match=rf"{transport}://T:Other: .* there are \['Fast', 'Slow'\]"):
        await simulation.other.set(SimMode.SINE)


async def test_states_replaced_after_connecting_are_read_and_refused_as_they_are_now(simulation: Simulation) -> None:
    await caput("T:Changing.TWST", "Sawtooth", wait=True)
    try:
        with pytest.raises(PutRefusedError, match=r"'Sine' was refused: .* there are .*'Sawtooth'"):
            await simulation.changing.set(SimMode.SINE)
        await caput("T:Changing", 2, wait=True)
        assert await simulation.changing.get_value() == "Sawtooth"
    finally:
        await caput("T:Changing.TWST", "Sine", wait=True)
        await caput("T:Changing", 0, wait=True)


async def test_an_enum_without_states_reads_as_empty_text(simulation: Simulation) -> None:
    assert await simulation.stateless.get_value() == ""
    async for value in observe_value(simulation.stateless, done_timeout=5):
        assert value == ""
        break


async def test_a_text_record_reads_as_its_text(simulation: Simulation) -> None:
    assert await simulation.text.get_value() == ""


async def test_changes_are_seen(simulation: Simulation) -> None:
    await simulation.mode.set(SimMode.LINEAR_RAMP)
    seen = []
    async for value in observe_value(simulation.mode, done_timeout=5):
        seen.append(value)
        if value is SimMode.PEAKS:
            break
        await simulation.mode.set(SimMode.PEAKS)
    assert seen == [SimMode.LINEAR_RAMP, SimMode.PEAKS]


@pytest.mark.parametrize("prefix", ["ca://", "pva://"])
async def test_a_number_is_no_state(prefix: str, live: SoftIoc) -> None:
    class Wrong(RecordDevice):
        number: Annotated[SignalR[SimMode], PvSuffix("Number")]

    with pytest.raises(
        NotConnectedError, match=f"number: wrong type: declared SimMode, served float .*{prefix}T:Number"
    ):
        await Wrong(prefix + "T:", "wrong").connect()


@pytest.fixture(params=["ca://T:", "pva://T:"])
async def bringing(request: pytest.FixtureRequest, live: SoftIoc) -> Bringing:
    device = Bringing(request.param, "bringing")
    await device.connect()
    return device


async def test_states_that_the_driver_brought_are_read_put_and_described(bringing: Bringing) -> None:
    for state in ("Slow", "Fast"):
        await bringing.states.set(state)
        assert await bringing.states.get_value() == state
    assert (await bringing.states.describe())["bringing-states"]["choices"] == ["Fast", "Slow"]
    with pytest.raises(PutRefusedError, match=r"T:Other: put of 'Medium' .* there are \['Fast', 'Slow'\]"):
        await bringing.states.set("Medium")


async def test_where_the_driver_brought_none_the_number_is_text(bringing: Bringing) -> None:
    for number in ("5", "3"):
        await bringing.number.set(number)
        assert await bringing.number.get_value() == number
    async for value in observe_value(bringing.number, done_timeout=5):
        assert value == "3"
        break
    description = (await bringing.number.describe())["bringing-number"]
    assert (description["dtype"], "choices" in description) == ("string", False)
    with pytest.raises(PutRefusedError, match=r"T:Brought: .* no such state, the record has none and takes numbers"):
        await bringing.number.set("Fast")


async def test_a_readback_may_have_states_where_the_setpoint_has_none(bringing: Bringing) -> None:
    await bringing.states.set("Fast")
    await bringing.mixed.set("3")
    assert await bringing.mixed.locate() == {"setpoint": "3", "readback": "Fast"}


@pytest.mark.parametrize("prefix", ["ca://", "pva://"])
async def test_a_real_number_is_no_state_of_a_driver(prefix: str, live: SoftIoc) -> None:
    class Wrong(RecordDevice):
        number: Annotated[SignalRW[str], PvSuffix("Number"), DriverStates()]

    with pytest.raises(NotConnectedError, match="number: wrong type: declared DriverStates, served float"):
        await Wrong(prefix + "T:", "wrong").connect()


async def test_in_mock_mode_states_of_a_driver_are_any_text() -> None:
    device = Bringing("T:", "bringing")
    await device.connect(mock=True)
    await device.states.set("Fast")
    assert await device.states.get_value() == "Fast"


async def test_two_callers_connect_at_once(live: SoftIoc) -> None:
    device = Simulation("T:")
    await asyncio.gather(device.connect(), device.connect(force_reconnect=True))
    assert await device.mode.get_value() in SimMode


async def test_in_mock_mode_the_members_are_the_states() -> None:
    device = Simulation("T:", "simulation")
    await device.connect(mock=True)
    assert await device.mode.get_value() is SimMode.LINEAR_RAMP
    set_mock_value(device.mode, SimMode.SINE)
    assert await device.mode.get_value() is SimMode.SINE
    assert device.mode.source == "mock+ca://T:Mode_RBV"
