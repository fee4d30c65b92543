"""Record devices declare their children, stand before shipped classes, and connect over CA and PVA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import pytest
from ophyd_async.core import (
    Command,
    SignalR,
    SignalRW,
    StandardReadable,
    TriggerableCommand,
    non_zero,
)
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics.adcore import ADBaseIO, NDFileHDF5IO, NDPluginBaseIO, NDStatsIO
from ophyd_async.epics.core import EpicsDevice, EpicsOptions, PvSuffix

from beamwright_runtime import RecordConnector, RecordDevice
from tests.helpers.example_devices import NDFileHDF5, NDStats, SimDetector


class Region(RecordDevice):
    net: Annotated[SignalR[float], PvSuffix("Net")]


class Instrument(RecordDevice):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    reset: Annotated[TriggerableCommand, PvSuffix("Reset")]
    resets: Annotated[SignalR[int], PvSuffix("Resets")]
    roi1: Annotated[Region, PvSuffix("1:")]
    roi2: Annotated[Region, PvSuffix("2:")]


def test_children_are_named_and_addressed_under_the_prefix() -> None:
    device = Instrument("T:", "instrument")
    assert device.gain.source == "ca://T:Gain_RBV"
    assert device.reset.source == "ca://T:Reset"
    assert device.roi2.net.source == "ca://T:2:Net"
    assert device.roi2.net.name == "instrument-roi2-net"
    assert [name for name, _ in device.children()] == ["gain", "resets", "reset", "roi1", "roi2"]


def test_the_prefix_chooses_the_protocol_for_all_children() -> None:
    device = Instrument("pva://T:")
    assert device.gain.source == "pva://T:Gain_RBV"
    assert device.reset.source == "pva://T:Reset"
    assert device.roi1.net.source == "pva://T:1:Net"


@pytest.mark.parametrize(
    ("made", "shipped"), [(SimDetector, ADBaseIO), (NDStats, NDStatsIO), (NDFileHDF5, NDFileHDF5IO)]
)
def test_a_mixin_keeps_the_shipped_class_and_its_signals(
    made: Callable[[str], EpicsDevice], shipped: Callable[[str], EpicsDevice]
) -> None:
    sources = {name: child.source for name, child in shipped("X:").children() if isinstance(child, SignalR)}
    device = made("X:")
    mine = {name: child.source for name, child in device.children() if isinstance(child, SignalR)}
    assert isinstance(device, shipped)
    assert sources.items() <= mine.items()
    assert len(mine) > len(sources)


def test_a_plugin_writer_is_a_plugin() -> None:
    assert isinstance(NDFileHDF5("X:"), NDPluginBaseIO)


@pytest.mark.parametrize("order", ["mixin first", "mixin last"])
async def test_formats_make_a_readable_device(order: str) -> None:
    class First(RecordDevice, StandardReadable):
        pressure: Annotated[SignalR[float], PvSuffix("P"), Format.HINTED_SIGNAL]
        units: Annotated[SignalR[str], PvSuffix("P.EGU"), Format.CONFIG_SIGNAL]

    class Last(StandardReadable, RecordDevice):
        pressure: Annotated[SignalR[float], PvSuffix("P"), Format.HINTED_SIGNAL]
        units: Annotated[SignalR[str], PvSuffix("P.EGU"), Format.CONFIG_SIGNAL]

    gauge = (First if order == "mixin first" else Last)("G:", "gauge")
    await gauge.connect(mock=True)
    assert list(await gauge.read()) == ["gauge-pressure"]
    assert list(await gauge.read_configuration()) == ["gauge-units"]
    assert gauge.hints == {"fields": ["gauge-pressure"]}


def test_macros_stand_in_suffixes() -> None:
    class Channel(RecordDevice):
        rate: Annotated[SignalR[float], PvSuffix("$(CHAN)_Rate")]
        mode: Annotated[SignalRW[str], PvSuffix.rbv("$(CHAN)_Mode")]
        region: Annotated[Region, PvSuffix("$(CHAN)_ROI:")]

        def __init__(self, prefix: str = "", name: str = "", *, chan: str) -> None:
            super().__init__(prefix, name, macros={"CHAN": chan})

    channel = Channel("X:", chan="C3")
    assert channel.rate.source == "ca://X:C3_Rate"
    assert channel.mode.source == "ca://X:C3_Mode_RBV"
    assert channel.region.net.source == "ca://X:C3_ROI:Net"


def test_a_plain_epics_device_can_be_declared_as_a_child() -> None:
    class Shipped(RecordDevice):
        stat: Annotated[NDStatsIO, PvSuffix("STAT:")]

    assert Shipped("X:").stat.total.source == "ca://X:STAT:Total_RBV"


def test_options_reach_the_signal() -> None:
    class Busy(RecordDevice):
        acquire: Annotated[SignalRW[bool], PvSuffix("Acquire"), EpicsOptions(wait=non_zero)]

    backend = Busy("X:").acquire._connector.backend
    assert backend.options == EpicsOptions(wait=non_zero)


def test_two_devices_share_no_children() -> None:
    first, second = Instrument("A:"), Instrument("B:")
    assert first.gain is not second.gain
    assert first.gain.source == "ca://A:Gain_RBV"


def test_making_children_twice_keeps_them() -> None:
    connector = RecordConnector("T:")
    device = Instrument(connector=connector)
    gain = device.gain
    connector.create_children_from_annotations(device)
    assert device.gain is gain


def test_a_prefix_and_a_connector_are_refused_together() -> None:
    with pytest.raises(ValueError, match="one or the other"):
        Instrument("T:", connector=RecordConnector("T:"))


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown protocol 'tango'"):
        Instrument("tango://T:")


def test_a_child_without_a_suffix_is_refused() -> None:
    class Forgotten(RecordDevice):
        gain: SignalR[float]

    with pytest.raises(TypeError, match="Forgotten: a declared child has no PvSuffix"):
        Forgotten("T:")


def test_a_command_with_values_is_refused() -> None:
    class Typed(RecordDevice):
        move: Annotated[Command[[float], None], PvSuffix("Move")]

    with pytest.raises(TypeError, match="takes no arguments"):
        Typed("T:")
