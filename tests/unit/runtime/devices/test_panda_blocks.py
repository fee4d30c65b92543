"""Vectors of blocks, and what a PandA's class must declare to be a detector; without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from ophyd_async.core import (
    Command,
    DetectorTrigger,
    DeviceVector,
    SignalR,
    SignalRW,
    StaticFilenameProvider,
    StaticPathProvider,
    TriggerableCommand,
    set_mock_value,
)
from ophyd_async.epics.core import PvSuffix
from ophyd_async.fastcs.panda import (
    DataBlock,
    DatasetTable,
    PandaCaptureMode,
    PcapBlock,
)

from beamwright_runtime import Panda, PvSuffixes, RecordDevice


class Lamp(RecordDevice):
    power: Annotated[SignalRW[float], PvSuffix.rbv("Power")]


class Rack(RecordDevice):
    first: Annotated[Lamp, PvSuffix("FIRST:")]
    lamps: Annotated[DeviceVector[Lamp], PvSuffixes({1: "L1:", 3: "$(THIRD):"})]
    trims: Annotated[DeviceVector[SignalRW[float]], PvSuffixes({1: "T1", 2: PvSuffix.rbv("T2")})]
    resets: Annotated[DeviceVector[TriggerableCommand], PvSuffixes({7: "R7"})]

    def __init__(self, prefix: str, name: str = "") -> None:
        super().__init__(prefix, name, macros={"THIRD": "L3"})


class Room(RecordDevice):
    racks: Annotated[DeviceVector[Lamp], PvSuffixes({1: "RACK1:"})]


def test_members_of_a_vector_are_addressed_named_and_counted_by_their_numbers() -> None:
    rack = Rack("pva://X:", "rack")
    assert [*rack.lamps] == [1, 3]
    assert rack.lamps[3].power.source == "pva://X:L3:Power_RBV"
    assert rack.lamps[3].power.name == "rack-lamps-3-power"
    assert [signal.source for signal in rack.trims.values()] == ["pva://X:T1", "pva://X:T2_RBV"]
    assert rack.resets[7].source == "pva://X:R7"
    assert [name for name, _ in rack.children()] == ["first", "lamps", "trims", "resets"]
    assert rack.lamps[1].parent is rack.lamps
    assert rack.lamps.parent is rack


async def test_a_vector_connects_in_mock_mode() -> None:
    rack = Rack("pva://X:", "rack")
    await rack.connect(mock=True)
    await rack.lamps[1].power.set(2.0)
    assert await rack.lamps[1].power.get_value() == 2.0
    assert await rack.trims[2].get_value() == 0.0


def test_a_vector_without_suffixes_is_refused() -> None:
    class Forgotten(RecordDevice):
        lamps: DeviceVector[Lamp]

    with pytest.raises(TypeError, match=r"Forgotten\.lamps: a declared vector has no PvSuffixes"):
        Forgotten("X:")


def test_a_vector_of_commands_with_values_is_refused() -> None:
    class Wrong(RecordDevice):
        moves: Annotated[DeviceVector[Command[[float], None]], PvSuffixes({1: "M1"})]

    with pytest.raises(TypeError, match=r"Wrong\.moves: .* TriggerableCommand"):
        Wrong("X:")


class Pcap(RecordDevice, PcapBlock):
    active: Annotated[SignalR[bool], PvSuffix("Active")]
    arm: Annotated[SignalRW[bool], PvSuffix.rbv("Arm")]


class Data(RecordDevice, DataBlock):
    hdf_directory: Annotated[SignalRW[str], PvSuffix.rbv("HdfDirectory")]
    hdf_file_name: Annotated[SignalRW[str], PvSuffix.rbv("HdfFileName")]
    num_capture: Annotated[SignalRW[int], PvSuffix.rbv("NumCapture")]
    num_captured: Annotated[SignalR[int], PvSuffix("NumCaptured")]
    create_directory: Annotated[SignalRW[int], PvSuffix.rbv("CreateDirectory")]
    directory_exists: Annotated[SignalR[bool], PvSuffix("DirectoryExists")]
    capture_mode: Annotated[SignalRW[PandaCaptureMode], PvSuffix.rbv("CaptureMode")]
    capture: Annotated[SignalRW[bool], PvSuffix.rbv("Capture")]
    flush_period: Annotated[SignalRW[float], PvSuffix.rbv("FlushPeriod")]
    datasets: Annotated[SignalR[DatasetTable], PvSuffix("Datasets")]


class SmallPanda(Panda):
    pcap: Annotated[Pcap, PvSuffix("Pcap:")]
    data: Annotated[Data, PvSuffix("Data:")]
    seq: Annotated[DeviceVector[Lamp], PvSuffixes({1: "Seq:1:"})]


def test_a_panda_needs_its_capture_and_data_blocks() -> None:
    class Bare(Panda):
        pcap: Annotated[Pcap, PvSuffix("Pcap:")]

    class Odd(Panda):
        pcap: Annotated[Lamp, PvSuffix("Pcap:")]
        data: Annotated[Data, PvSuffix("Data:")]

    with pytest.raises(TypeError, match=r"Bare\.data is not a DataBlock of ophyd-async"):
        Bare("pva://P:")
    with pytest.raises(TypeError, match=r"Odd\.pcap is not a PcapBlock of ophyd-async"):
        Odd("pva://P:")


async def test_a_panda_without_a_path_provider_takes_level_triggers_and_describes_no_data() -> None:
    panda = SmallPanda("pva://P:", name="panda")
    await panda.connect(mock=True)
    assert await panda.get_trigger_deadtime() == ({DetectorTrigger.EXTERNAL_LEVEL}, 8e-9)
    assert panda._data_logics == ()


async def test_files_are_named_by_the_path_provider(tmp_path: Path) -> None:
    provider = StaticPathProvider(StaticFilenameProvider("scan"), tmp_path)
    panda = SmallPanda("pva://P:", provider, "panda")
    await panda.connect(mock=True)
    set_mock_value(panda.data.directory_exists, True)
    (logic,) = panda._data_logics
    await logic.prepare_unbounded("panda")
    assert await panda.data.hdf_directory.get_value() == str(tmp_path)
    assert await panda.data.hdf_file_name.get_value() == "scan.h5"


def test_a_flyer_is_made_for_a_block_that_is_there() -> None:
    panda = SmallPanda("pva://P:", name="panda")
    with pytest.raises(ValueError, match=r"panda has no seq\[2\], only: 1"):
        panda.table_flyer(2)
    with pytest.raises(ValueError, match=r"panda has no pcomp\[1\], only: none"):
        panda.compare_flyer()
    with pytest.raises(TypeError, match=r"SmallPanda\.seq\[1\] is not a SeqBlock of ophyd-async"):
        panda.scan_flyer()
    with pytest.raises(ValueError, match=r"panda has no inenc\[3\], only: none"):
        panda.encoder(3)
