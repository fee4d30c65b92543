"""Vectors whose members are not alike, and vectors in the documents of a run; without a server."""

from __future__ import annotations

from typing import Annotated

from ophyd_async.core import DeviceVector, SignalR, SignalRW, StandardReadable
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import PvSuffixes, RecordDevice


class Counter(RecordDevice, StandardReadable):
    out: Annotated[SignalR[int], PvSuffix("OUT"), Format.HINTED_SIGNAL]


class SteppedCounter(Counter):
    step: Annotated[SignalRW[int], PvSuffix("STEP"), Format.CONFIG_SIGNAL]


class Box(RecordDevice, StandardReadable):
    counter: Annotated[DeviceVector[Counter], PvSuffixes({1: "C1:", 2: "C2:"}, {2: SteppedCounter}), Format.CHILD]
    trim: Annotated[DeviceVector[SignalRW[float]], PvSuffixes({1: "T1", 2: "T2"}), Format.CONFIG_SIGNAL]


async def test_members_are_of_the_class_that_is_told_for_them() -> None:
    box = Box("pva://X:", "box")
    await box.connect(mock=True)
    assert [type(member) for member in box.counter.values()] == [Counter, SteppedCounter]
    stepped = box.counter[2]
    assert isinstance(stepped, SteppedCounter)
    assert stepped.step.source == "mock+pva://X:C2:STEP"


async def test_a_format_of_a_vector_is_that_of_its_members() -> None:
    box = Box("pva://X:", "box")
    await box.connect(mock=True)
    assert list(await box.read()) == ["box-counter-1-out", "box-counter-2-out"]
    assert sorted(await box.read_configuration()) == ["box-counter-2-step", "box-trim-1", "box-trim-2"]
    assert box.hints == {"fields": ["box-counter-1-out", "box-counter-2-out"]}
