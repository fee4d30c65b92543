"""Position capture and the data block, which writes what is captured to HDF5."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from fastcs.attributes import AttrR, AttrRW
from fastcs.controllers import Controller
from fastcs.datatypes import Bool, Enum, Float, Int, String, Table
from fastcs.methods import command

from blocks import Inenc
from choices import DATASETS, BitMux, CaptureMode
from wires import Wires

CHUNK = 1024
"""Rows of a chunk of a dataset, as the box's own IOC writes them."""


class DataFile:
    """An HDF5 file that can be read while it is written: one float64 dataset for each name."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self._file = h5py.File(path, "w", libver="latest")
        for name in names:
            self._file.create_dataset(name, (0,), np.float64, maxshape=(None,), chunks=(CHUNK,))
        self._file.swmr_mode = True
        self._waiting: list[Mapping[str, float]] = []
        self.written = 0

    def append(self, row: Mapping[str, float]) -> None:
        """Keep a row until the next flush."""
        self._waiting.append(row)

    def flush(self) -> None:
        """Write the rows that wait."""
        rows, self._waiting = self._waiting, []
        for name, dataset in self._file.items():
            dataset.resize((self.written + len(rows),))
            dataset[self.written :] = [row.get(name, np.nan) for row in rows]
            dataset.flush()
        self.written += len(rows)

    def close(self) -> None:
        """Write what waits, and end the file."""
        self.flush()
        self._file.close()


class Data(Controller):
    """The data block: where captured positions are written."""

    hdf_directory = AttrRW(String(), description="Folder of the file")
    hdf_file_name = AttrRW(String(), description="Name of the file")
    create_directory = AttrRW(Int(), description="Levels of folders to make, negative")
    directory_exists = AttrR(Bool(), description="Whether the folder is there")
    capture_mode = AttrRW(Enum(CaptureMode), description="When writing ends")
    num_capture = AttrRW(Int(), description="Rows to write, in mode FIRST_N")
    num_captured = AttrR(Int(), description="Rows written")
    flush_period = AttrRW(Float(units="s", prec=3), initial_value=1.0, description="0 to flush every row")
    capture = AttrRW(Bool(), description="Whether a file is written")
    datasets = AttrR(Table(DATASETS), description="What is written")

    def __init__(self, inputs: list[Inenc]) -> None:
        super().__init__(description="HDF5 writing")
        self._inputs = inputs
        self._file: DataFile | None = None
        self._flushed = 0.0
        self.hdf_directory.add_on_update_callback(self._look, always=True)
        self.capture.add_on_update_callback(self._switch, always=True)
        for encoder in inputs:
            encoder.val_dataset.add_on_update_callback(self.describe, always=True)
            encoder.val_capture.add_on_update_callback(self.describe, always=True)

    def captured(self) -> dict[str, Inenc]:
        """Say which positions are captured, by the name of their dataset."""
        inputs = (one for one in self._inputs if one.val_capture.get().name == "Value")
        return {one.val_dataset.get(): one for one in inputs if one.val_dataset.get()}

    async def describe(self, _: Any = None) -> None:
        """Bring the table of datasets up to date."""
        await self.datasets.update(np.array([(name, "float64") for name in self.captured()], dtype=DATASETS))

    async def take_row(self) -> None:
        """Capture where the positions are now, if a file is written."""
        if self._file is None:
            return
        self._file.append({name: one.position for name, one in self.captured().items()})
        if time.monotonic() - self._flushed >= self.flush_period.get():
            await self.flush_now()
        if self.capture_mode.get().name == "FIRST_N" and self._file.written >= self.num_capture.get():
            await self.capture.put(False, sync_setpoint=True)

    @command()
    async def flush_now(self) -> None:
        """Write the rows that wait for the end of the flush period."""
        if self._file is not None:
            self._file.flush()
            self._flushed = time.monotonic()
            await self.num_captured.update(self._file.written)

    async def _look(self, directory: str) -> None:
        folder = Path(directory)
        missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
        if directory and 0 < len(missing) <= -self.create_directory.get():
            folder.mkdir(parents=True)
        await self.directory_exists.update(bool(directory) and folder.is_dir())

    async def _switch(self, capture: bool) -> None:
        if capture and self._file is None:
            try:
                self._file = self._open()
            except Exception:
                await self.capture.update(False)
                raise
            self._flushed = 0.0
            await self.num_captured.update(0)
        elif not capture and self._file is not None:
            file, self._file = self._file, None
            file.close()
            await self.num_captured.update(file.written)

    def _open(self) -> DataFile:
        if self.capture_mode.get().name == "LAST_N":
            raise ValueError("LAST_N is not simulated")
        if not self.directory_exists.get():
            raise ValueError(f"there is no folder {self.hdf_directory.get()!r}")
        return DataFile(Path(self.hdf_directory.get(), self.hdf_file_name.get()), list(self.captured()))


class Pcap(Controller):
    """Position capture: while it is armed, each rise of its trigger captures a row."""

    trig = AttrRW(Enum(BitMux), initial_value=BitMux["SEQ1.OUTA"], description="Captures a row when it rises")
    arm = AttrRW(Bool(), description="Arm, or disarm")
    active = AttrR(Bool(), description="Whether it is armed")

    def __init__(self, take_row: Callable[[], Awaitable[None]], wires: Wires) -> None:
        super().__init__(description="Position capture")
        self._take_row = take_row
        self.arm.add_on_update_callback(self.active.update, always=True)
        wires.listen(self._follow)

    async def _follow(self, name: str, level: bool) -> None:
        if level and self.active.get() and name == self.trig.get().name:
            await self._take_row()
