"""Position capture of a PandA, and the block that writes what is captured to HDF5."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beamwright_twin.panda.block_base import PandaBlock
from beamwright_twin.panda.bus import Bus
from beamwright_twin.pva.pvi_signal import TreeSignal

if TYPE_CHECKING:
    from beamwright_twin.panda.capture_file import DataFile


class CaptureSource:
    """A position that can be captured: where it is, and the name of its dataset while it is to be.

    :param value: gives the value at this moment.
    """

    def __init__(self, capture: TreeSignal, dataset: TreeSignal, value: Callable[[], float]) -> None:
        self.value = value
        self._capture = capture
        self._dataset = dataset
        capture.on_put(self._refuse)

    @property
    def name(self) -> str:
        """The dataset's name; nothing while it is not captured."""
        return str(self._dataset.value) if self._capture.value == "Value" else ""

    def follow(self, call: Callable[[], None]) -> None:
        """Call a function whenever the name changes."""
        self._capture.follow(call)
        self._dataset.follow(call)

    def _refuse(self, how: Any) -> None:
        if how not in ("No", "Value"):
            raise ValueError(f"{how} is not simulated, only Value is")


class DataBlock(PandaBlock):
    """The block DATA, as fastcs-PandABlocks and pandablocks-ioc have it: an HDF5 file while `capture` is set."""

    starts: Mapping[str, Any] = {"flush_period": 1.0, "capture_mode": "FIRST_N"}

    def __init__(self, bus: Bus, signals: Mapping[str, TreeSignal], captured: Sequence[CaptureSource]) -> None:
        super().__init__(bus, "DATA", signals)
        self._captured = captured
        self._writing: Sequence[CaptureSource] = ()
        self._file: DataFile | None = None
        self._flushed = 0.0
        for name, call in (
            ("hdf_directory", self._check_directory),
            ("capture", self._switch),
            ("flush_now", self._flush_now),
        ):
            if name in signals:
                signals[name].on_put(call)
        for one in captured:
            one.follow(self.describe)
        self.describe()

    def describe(self) -> None:
        """Update the table of datasets."""
        names = [one.name for one in self._captured if one.name]
        self.signals["datasets"].set({"name": names, "dtype": ["float64"] * len(names)})

    def take_row(self) -> None:
        """Capture where the positions are at this moment, if a file is written."""
        if self._file is None:
            return
        self._file.append([one.value() for one in self._writing])
        wanted = int(self.get("num_capture"))
        if self.get("capture_mode") == "FIRST_N" and wanted and self._file.taken >= wanted:
            self._end()
            self.set("capture", False)

    def write_out(self, at_once: bool) -> None:
        """Write the rows that wait, if it is time to, or if nothing more is to be expected."""
        due = at_once or self.bus.engine.now >= self._flushed + self.seconds("flush_period")
        if self._file is not None and self._file.waiting and due:
            self._flush_now(True)

    def _flush_now(self, _: Any) -> None:
        if self._file is not None:
            self._flushed = self.bus.engine.now
            self._file.flush()
            self.set("num_captured", self._file.written)

    def _check_directory(self, directory: Any) -> None:
        from beamwright_twin.sim.folders import make_folder

        self.set(
            "directory_exists", bool(directory) and make_folder(Path(directory), int(self.get("create_directory")))
        )

    def _switch(self, capture: Any) -> None:
        if capture and self._file is None:
            self._begin()
        elif not capture and self._file is not None:
            self._end()

    def _begin(self) -> None:
        from beamwright_twin.panda.capture_file import DataFile

        folder = Path(str(self.get("hdf_directory")))
        if not str(self.get("hdf_directory")) or not folder.is_dir():
            raise ValueError(f"there is no folder {self.get('hdf_directory')!r}")
        self._writing = [one for one in self._captured if one.name]
        keep = int(self.get("num_capture")) if self.get("capture_mode") == "LAST_N" else None
        try:
            self._file = DataFile(folder / str(self.get("hdf_file_name")), [one.name for one in self._writing], keep)
        except OSError as error:
            raise ValueError(f"cannot write {folder / str(self.get('hdf_file_name'))}: {error}") from error
        self._flushed = self.bus.engine.now
        self.set("num_captured", 0)

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
            self.set("num_captured", file.written)


class CaptureBlock(PandaBlock):
    """The block PCAP: while it is armed, enabled and its gate is open, a row at each edge of its trigger."""

    starts: Mapping[str, Any] = {"trig": "SEQ1.OUTA", "gate": "ONE", "enable": "ONE"}

    def __init__(self, bus: Bus, signals: Mapping[str, TreeSignal], data: DataBlock) -> None:
        super().__init__(bus, "PCAP", signals)
        self._data = data
        self.armed = False
        self.since = 0.0
        """When it was armed."""
        self._gate = self.input("gate", otherwise="ONE")
        self._enable = self.input("enable", self._enabled, otherwise="ONE")
        self._trig = self.input("trig", self._triggered)
        for name, call in (("arm", self._arm), ("disarm", lambda _: self._arm(False))):
            if name in signals:
                signals[name].on_put(call)

    def _arm(self, arm: Any) -> None:
        wanted = bool(arm) and arm not in ("0", "ZERO", "Disarm")
        if wanted and not self.armed:
            self.since = self.bus.engine.now
        self.armed = wanted
        self.set("active", wanted)
        self.bus.set("PCAP.ACTIVE", wanted)

    def _enabled(self, level: bool) -> None:
        if not level and self.armed:
            self._arm(False)
            self.set("arm", False)

    def _triggered(self, level: bool) -> None:
        edge = self.get("trig_edge", "Rising")
        wanted = edge == "Either" or level == (edge != "Falling")
        if wanted and self.armed and self._gate.level and self._enable.level:
            self._data.take_row()
