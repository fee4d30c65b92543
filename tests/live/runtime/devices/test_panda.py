"""A generated PandA on the box of the example beamline, which FastCS serves over PVA."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
import pytest_asyncio
from bluesky import RunEngine
from ophyd_async.core import (
    DetectorTrigger,
    NotConnectedError,
    SignalR,
    StaticFilenameProvider,
    StaticPathProvider,
    TriggerInfo,
    wait_for_value,
)
from ophyd_async.epics.motor import Motor
from ophyd_async.fastcs import panda as shipped
from ophyd_async.fastcs.panda import (
    DatasetTable,
    HDFPanda,
    PandaCaptureMode,
    PandaHdf5DatasetType,
    PandaPcompDirection,
    PcompInfo,
    ScanSpecInfo,
    SeqTable,
    SeqTableInfo,
    SeqTrigger,
    StaticSeqTableFlyableLogic,
)
from scanspec.specs import Fly, Line

from beamwright_generated.devices.panda import PandaBitBus, PandaDevice
from beamwright_runtime import ConnectionFailedError, disconnect
from examples.plans.fly_exposures import exposure_table, fly_exposures
from tests.helpers.ports import ServerPorts
from tests.helpers.pvi_servers.served import Served
from tests.helpers.softioc import SoftIoc

PREFIX = "BL01X-EA-PANDA-01:"

live_test = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def path_provider(tmp_path: Path) -> StaticPathProvider:
    return StaticPathProvider(StaticFilenameProvider("scan"), tmp_path)


@pytest.fixture(scope="module")
def box(servers: SoftIoc, ports: ServerPorts) -> Iterator[Served]:
    """The example's box."""
    with Served("example_box.py", PREFIX, "same", ports=ports.pandas.release()[:2]) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def panda(box: Served, path_provider: StaticPathProvider) -> AsyncIterator[PandaDevice]:
    """A generated PandA that is connected to it."""
    panda = PandaDevice(f"pva://{PREFIX}", path_provider, "panda")
    await panda.connect()
    yield panda
    await disconnect(panda)


def signals(device: Any) -> Iterator[SignalR[Any]]:
    for _, child in device.children():
        if isinstance(child, SignalR):
            yield child
        yield from signals(child)


def written(folder: Path, *, swmr: bool = False) -> dict[str, list[float]]:
    with h5py.File(folder / "scan.h5", "r", swmr=swmr) as file:
        return {name: [float(value) for value in dataset] for name, dataset in file.items()}


@live_test
async def test_every_signal_reads_as_it_is_typed(panda: PandaDevice) -> None:
    values = await asyncio.gather(*(signal.get_value() for signal in signals(panda)))
    assert len(values) == 83
    assert await panda.data.datasets.get_value() == DatasetTable(
        name=["x", "y"], dtype=[PandaHdf5DatasetType.FLOAT_64, PandaHdf5DatasetType.FLOAT_64]
    )


@live_test
async def test_a_table_comes_back_as_it_was_put(panda: PandaDevice) -> None:
    table = exposure_table([0.1, 0.2, 0.3], readout=0.01)
    await panda.seq[2].table.set(table)
    assert columns(await panda.seq[2].table.get_value()) == columns(table)
    assert table.time1.tolist() == [100_000, 200_000, 300_000]
    assert (await panda.seq[1].table.get_value()).time1.tolist() != [100_000, 200_000, 300_000]


def test_a_fly_scan_writes_what_the_encoders_read_into_a_new_folder(
    box: Served, run_engine: RunEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "visit" / "scans"
    provider = StaticPathProvider(StaticFilenameProvider("scan"), folder, create_dir_depth=-2)
    panda = PandaDevice(f"pva://{PREFIX}", provider, "panda")
    in_loop(run_engine, panda.connect())
    try:
        in_loop(run_engine, place_encoder(panda, 1500, scale=0.002))
        documents: dict[str, list[Any]] = {}
        run_engine(
            fly_exposures(panda, [0.002, 0.001, 0.003]),
            lambda name, document: documents.setdefault(name, []).append(document),
        )
    finally:
        in_loop(run_engine, disconnect(panda))
    assert documents["stop"][0]["exit_status"] == "success"
    (descriptor,) = documents["descriptor"]
    assert set(descriptor["data_keys"]) == {"x", "y"}
    assert {resource["uri"].rpartition("/")[2] for resource in documents["stream_resource"]} == {"scan.h5"}
    assert documents["stop"][0]["num_events"] == {"primary": 3}
    assert written(folder) == {"x": [3.0] * 3, "y": [0.0] * 3}


def columns(table: SeqTable) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in table}


def in_loop(engine: RunEngine, work: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(work, engine.loop).result(20)


async def place_encoder(panda: Any, counts: int, scale: float) -> None:
    await panda.inenc[1].val_scale.set(scale)
    await panda.inenc[1].setp.set(counts)


@live_test
async def test_a_table_is_played_and_stopped(panda: PandaDevice) -> None:
    flyer = panda.table_flyer(2)
    assert flyer.name == "panda-seq2"
    await flyer.stage()
    await flyer.prepare(SeqTableInfo(sequence_table=exposure_table([0.001], 0.001), repeats=2))
    await flyer.kickoff()
    await flyer.complete()
    assert not await panda.seq[2].active.get_value()
    assert await panda.seq[2].repeats.get_value() == 2

    waiting = SeqTable.row(trigger=SeqTrigger.POSA_GT, position=1_000_000)
    await flyer.prepare(SeqTableInfo(sequence_table=waiting, repeats=1))
    await flyer.kickoff()
    assert await panda.seq[2].active.get_value()
    await flyer.unstage()
    assert not await panda.seq[2].active.get_value()


@live_test
async def test_position_compare_captures_where_the_encoder_passes(panda: PandaDevice, tmp_path: Path) -> None:
    await place_encoder(panda, 0, scale=1.0)
    await panda.pcap.trig.set(PandaBitBus.PCOMP1_OUT)
    flyer = panda.compare_flyer(1)
    await asyncio.gather(panda.stage(), flyer.stage())
    await panda.prepare(TriggerInfo(trigger=DetectorTrigger.EXTERNAL_LEVEL, number_of_events=3))
    await flyer.prepare(
        PcompInfo(
            start_position=100,
            pulse_width=5,
            rising_edge_step=100,
            number_of_pulses=3,
            direction=PandaPcompDirection.POSITIVE,
        )
    )
    await asyncio.gather(panda.kickoff(), flyer.kickoff())
    completed = asyncio.gather(panda.complete(), flyer.complete())
    for counts in (50, 99, 110, 210, 299, 310):
        await panda.inenc[1].setp.set(counts)
    await completed
    assert written(tmp_path, swmr=True)["x"] == [110.0, 210.0, 310.0]  # while the box has the file open
    await asyncio.gather(panda.unstage(), flyer.unstage())
    assert written(tmp_path)["x"] == [110.0, 210.0, 310.0]


@live_test
async def test_a_pulse_train_is_captured_until_the_rows_that_were_asked_for(panda: PandaDevice, tmp_path: Path) -> None:
    await place_encoder(panda, 7, scale=1.0)
    await asyncio.gather(
        panda.pcap.trig.set(PandaBitBus.PULSE2_OUT),
        panda.data.hdf_directory.set(str(tmp_path)),
        panda.data.hdf_file_name.set("scan.h5"),
        panda.data.capture_mode.set(PandaCaptureMode.FIRST_N),
        panda.data.num_capture.set(3),
        panda.data.flush_period.set(0),
        panda.pulse[2].pulses.set(5),
        panda.pulse[2].step.set(0.002),
        panda.pulse[2].trig.set(PandaBitBus.ONE),
    )
    await panda.data.capture.set(True)
    await panda.pcap.arm.set(True)
    await panda.pulse[2].enable.set(shipped.PandaBitMux.ONE)
    await wait_for_value(panda.data.capture, False, timeout=10)
    await panda.pulse[2].enable.set(shipped.PandaBitMux.ZERO)
    assert await panda.data.num_captured.get_value() == 3
    assert written(tmp_path)["x"] == [7.0, 7.0, 7.0]


@live_test
async def test_a_scan_specification_waits_for_its_gate_and_its_motor(panda: PandaDevice) -> None:
    motor = Motor("X")
    await place_encoder(panda, 0, scale=0.001)
    seq = panda.seq[1]
    flyer = panda.scan_flyer(1, {motor: panda.encoder(1)})
    await flyer.stage()
    await flyer.prepare(ScanSpecInfo(spec=Fly(0.004 @ Line(motor, 1, 3, 3)), deadtime=0.001))
    assert await seq.posa.get_value() == "INENC1.VAL"
    table = await seq.table.get_value()
    assert table.trigger == [SeqTrigger.BITA_0, SeqTrigger.BITA_1, SeqTrigger.POSA_GT, SeqTrigger.IMMEDIATE]
    assert table.position.tolist() == [0, 0, 500, 0]
    assert table.repeats.tolist() == [1, 1, 1, 3]
    await seq.bita.set(PandaBitBus.ZERO)
    await flyer.kickoff()
    await wait_for_value(seq.table_line, 2, timeout=5)
    await seq.bita.set(PandaBitBus.ONE)
    await wait_for_value(seq.table_line, 3, timeout=5)
    completed = flyer.complete()
    await panda.inenc[1].setp.set(499)
    assert not completed.done
    await panda.inenc[1].setp.set(500)
    await completed
    await flyer.unstage()


@live_test
async def test_a_folder_that_is_missing_is_told(panda: PandaDevice) -> None:
    await panda.data.hdf_directory.set("/no/such/folder")
    with pytest.raises(Exception, match="there is no folder '/no/such/folder'"):
        await panda.data.capture.set(True)
    assert not await panda.data.capture.get_value()


@live_test
async def test_plans_for_ophyd_asyncs_panda_find_the_same_attributes(box: Served, panda: PandaDevice) -> None:
    theirs = HDFPanda(PREFIX, StaticPathProvider(StaticFilenameProvider("scan"), Path("/")), "panda")
    await theirs.connect()
    named = {signal.name: signal.source for signal in signals(theirs)}
    assert named == {signal.name: signal.source for signal in signals(panda)}
    assert len(named) == 83
    await theirs.seq[1].table.set(exposure_table([0.5], 0.1))
    assert (await panda.seq[1].table.get_value()).time1.tolist() == [500_000]


@live_test
@pytest.mark.parametrize("make", [HDFPanda, PandaDevice])
async def test_what_flies_ophyd_asyncs_panda_flies_it(
    make: Callable[..., Any], box: Served, path_provider: StaticPathProvider, tmp_path: Path
) -> None:
    panda = make(PREFIX if make is HDFPanda else f"pva://{PREFIX}", path_provider, name="panda")
    await panda.connect()
    await place_encoder(panda, 42, scale=1.0)
    await panda.pcap.trig.set("SEQ1.OUTA")
    flyer = StaticSeqTableFlyableLogic(panda.seq[1]).with_device()
    await asyncio.gather(panda.stage(), flyer.stage())
    await panda.prepare(TriggerInfo(trigger=DetectorTrigger.EXTERNAL_LEVEL, number_of_events=4))
    await flyer.prepare(SeqTableInfo(sequence_table=SeqTable.row(time1=500, outa1=True, time2=500), repeats=4))
    assert set(await panda.describe_collect()) == {"x", "y"}
    await panda.kickoff()
    await flyer.kickoff()
    await asyncio.gather(flyer.complete(), panda.complete())
    documents = [document async for document in panda.collect_asset_docs()]
    await asyncio.gather(panda.unstage(), flyer.unstage())
    assert [kind for kind, _ in documents] == ["stream_resource"] * 2 + ["stream_datum"] * 2
    assert written(tmp_path)["x"] == [42.0] * 4


@live_test
async def test_it_connects_where_no_pvi_is_served(box: Served, ports: ServerPorts) -> None:
    with Served("example_box.py", "BARE:", "no-pvi", ports=ports.pandas.release()[2:]):
        panda = PandaDevice("pva://BARE:", name="panda")
        await panda.connect()
        assert await panda.seq[1].repeats.get_value() == 1
        with pytest.raises(NotConnectedError, match="BARE:PVI"):
            await HDFPanda("BARE:", StaticPathProvider(StaticFilenameProvider("scan"), Path("/"))).connect(timeout=1)
        await disconnect(panda)


@live_test
async def test_a_changed_box_is_told_block_by_block(box: Served, ports: ServerPorts) -> None:
    with Served("example_box.py", "CHANGED:", "changed", ports=ports.pandas.release()[2:]):
        panda = PandaDevice("pva://CHANGED:", name="panda")
        with pytest.raises(ConnectionFailedError) as failed:
            await panda.connect(timeout=30)
        assert str(failed.value).splitlines()[1:] == [
            "  pcomp",
            '    1.dir: choices differ: missing "Either", extra "Both" (pva://CHANGED:Pcomp:1:Dir_RBV)',
            '    2.dir: choices differ: missing "Either", extra "Both" (pva://CHANGED:Pcomp:2:Dir_RBV)',
            "  pulse",
            "    1.width: wrong type: declared float, served str (pva://CHANGED:Pulse:1:Width_RBV)",
            "    2.width: wrong type: declared float, served str (pva://CHANGED:Pulse:2:Width_RBV)",
        ]
        await disconnect(panda)
