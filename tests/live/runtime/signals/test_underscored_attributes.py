"""Attributes whose names end with an underscore connect to their own records."""

from __future__ import annotations

from typing import Annotated

import pytest
from ophyd_async.core import SignalR, SignalRW, TriggerableCommand
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import RecordDevice
from tests.helpers.softioc import SoftIoc
from tests.live.runtime.compared import Strict


class Underscored(RecordDevice):
    """What is generated where the template of a record has further records that are called like its fields."""

    state: Annotated[SignalRW[Strict], PvSuffix("Enum")]
    state_: Annotated[SignalRW[int], PvSuffix("Int")]
    text_: Annotated[SignalR[str], PvSuffix("Text")]
    text: Annotated[SignalR[float], PvSuffix("Float")]
    limit_: Annotated[SignalRW[float], PvSuffix("Float")]
    go: Annotated[TriggerableCommand, PvSuffix("Bool")]
    go_: Annotated[SignalRW[bool], PvSuffix("Bool")]


TYPES = {"state": Strict, "state_": int, "text_": str, "text": float, "limit_": float, "go_": bool}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_attributes_with_an_underscore_connect_to_their_own_records(protocol: str, live: SoftIoc) -> None:
    device = Underscored(f"{protocol}://S:", "device")
    await device.connect()
    for name, datatype in TYPES.items():
        assert isinstance(await getattr(device, name).get_value(), datatype), name
    await device.go_.set(False)
    await device.go.trigger()
    assert await device.go_.get_value() is True
    assert device.state_.name == "device-state_"
