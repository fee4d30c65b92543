"""NDFileHDF5: writes the frames of a camera into an HDF5 file that can be read while it grows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from beamwright_twin.areadetector.hdf5.file_paths import FilePaths
from beamwright_twin.areadetector.hdf5.frame_file import FrameFile, Storage
from beamwright_twin.areadetector.hdf5.layout import LayoutError, read_layout
from beamwright_twin.areadetector.plugin import Plugin
from beamwright_twin.description.asyn_ports import Port
from beamwright_twin.sim.frame import Frame, Tag
from beamwright_twin.sim.world import World

SINGLE, CAPTURE, STREAM = 0, 1, 2
SLOW: Final = 1.0
"""Simulated seconds that a flush takes while the fault `slow` is on."""


class Hdf5(Plugin):
    """A file writer: of the last frame, of frames that it kept, or of frames as they come."""

    def __init__(self, world: World, name: str, port: Port) -> None:
        super().__init__(world, name, port)
        for record in self.writers("CAPTURE"):
            world.faulty[record] = self
        self._paths = FilePaths(self)
        self._layout = read_layout("")
        self._capturing = False
        self._full = self._slow = self._stuck = False
        self._held = False
        self._file: FrameFile | None = None
        self._last: Frame | None = None
        self._kept: list[Frame] = []
        self._captured = 0

    def start(self) -> None:
        """Publish that SWMR is supported."""
        super().start()
        self.set("HDF5_SWMRSupported", 1)
        self.set("PLUGIN_TYPE", "NDFileHDF5")

    def written(self, parameter: str) -> None:
        """Start or end a capture, write, flush, look for a folder, or read the layout."""
        match parameter:
            case "CAPTURE":
                self._capture(bool(self.get("CAPTURE")))
            case "HDF5_SWMRFlushNow":
                self._flush_now()
            case "WRITE_FILE":
                if self.get(parameter):
                    self._write([self._last] if self.get("WRITE_MODE") == SINGLE else self._kept)
                self.set(parameter, 0)
            case _:
                super().written(parameter)
                if parameter == "FILE_PATH":
                    self._paths.find_folder()
                elif parameter == "HDF5_layoutFilename":
                    self._read_layout()

    def _read_layout(self) -> None:
        try:
            self._layout = read_layout(self.text("HDF5_layoutFilename"))
        except LayoutError as error:
            self.set("HDF5_layoutValid", 0)
            self.set("HDF5_layoutErrorMsg", str(error))
        else:
            self.set("HDF5_layoutValid", 1)
            self.set("HDF5_layoutErrorMsg", "")

    def process(self, frame: Frame) -> Frame:
        """Keep or write a frame as the mode says."""
        self._last = frame
        mode = self.number("WRITE_MODE")
        if mode == SINGLE and self.get("AUTO_SAVE"):
            self._write([frame])
        elif mode == CAPTURE and self._capturing:
            self._kept.append(frame)
            self._count(1)
        elif mode == STREAM and self._capturing and self._stream(frame):
            self._count(1)
        return frame

    # Capturing

    def _capture(self, wanted: bool) -> None:
        if wanted == self._capturing:
            self.set("CAPTURE", int(wanted))
        elif wanted:
            self._begin()
        else:
            self._end()

    def _begin(self) -> None:
        self._capturing, self._kept = True, []
        self._count(-self._captured)
        self._succeeded()
        self.set("CAPTURE", 1)
        if self.get("WRITE_MODE") != STREAM or self.get("FILE_LAZY_OPEN"):
            return
        if self._last is None:
            self._failed("cannot open the file: no array has arrived, so its size is not known")
            self._end()
        elif not self._attempt(partial(self._open, self._last)):
            self._end()

    def _stream(self, frame: Frame) -> bool:
        if self._file is None and not self._attempt(partial(self._open, frame)):
            self._end()
            return False
        return self._attempt(partial(self._append, frame))

    def _count(self, more: int) -> None:
        """Count captured frames, and end where there are enough."""
        self._captured += more
        self.set("NUM_CAPTURED", self._captured)
        wanted = self.number("NUM_CAPTURE")
        # Frames that are kept have to end somewhere; areaDetector has no room for more than it is told either.
        enough = wanted or (0 if self.get("WRITE_MODE") == STREAM else 1)
        if self._captured and enough and self._captured >= enough:
            self._end()

    def _end(self) -> None:
        self._capturing = False
        self._close()
        if self.get("WRITE_MODE") == CAPTURE and self._kept and self.get("AUTO_SAVE"):
            self._write(self._kept)
        self.set("CAPTURE", 0)

    def _write(self, frames: Sequence[Frame | None]) -> None:
        """Write frames into a file of their own."""
        present = [frame for frame in frames if frame is not None]
        if self._file is not None or not present:
            self._failed("cannot write: a file is open" if self._file else "cannot write: there is no array")
            return
        self._succeeded()
        if self._attempt(partial(self._open, present[0])):
            for frame in present:
                self._attempt(partial(self._append, frame))
            self._close()

    # The file

    def _open(self, frame: Frame) -> None:
        name = self._paths.next_file()
        self._file = FrameFile(
            self._paths.unfinished(name), frame.pixels, self._tags_of(frame), self._layout, self._storage
        )
        self._file.full = self._full
        self.set("HDF5_SWMRCbCounter", 0)
        self.set("HDF5_SWMRRunning", int(self._storage.swmr))

    @property
    def _storage(self) -> Storage:
        chosen = not self.get("HDF5_chunkSizeAuto")
        zlib = self.state("HDF5_compressionType") == "zlib"
        return Storage(
            frames=max(1, self.number("HDF5_nFramesChunks")),
            rows=self.number("HDF5_nRowChunks") if chosen else 0,
            columns=self.number("HDF5_nColChunks") if chosen else 0,
            attributes=self.number("HDF5_NDAttributeChunk"),
            fill=self.get("HDF5_fillValue"),
            compression={"compression": "gzip", "compression_opts": self.number("HDF5_zCompressLevel")} if zlib else {},
            swmr=bool(self.get("HDF5_SWMRMode")) and self.get("WRITE_MODE") == STREAM,
        )

    def _tags_of(self, frame: Frame) -> Mapping[str, Tag]:
        seconds = int(frame.stamp)
        own = {
            "NDArrayUniqueId": Tag(frame.number, "i4"),
            "NDArrayTimeStamp": Tag(frame.stamp, "f8"),
            "NDArrayEpicsTSSec": Tag(seconds, "u4"),
            "NDArrayEpicsTSnSec": Tag(int((frame.stamp - seconds) * 1e9), "u4"),
        }
        kept = self.tagged(frame).tags if self._stores_attributes else {}
        return own | dict(kept)

    @property
    def _stores_attributes(self) -> bool:
        return bool(self.get("HDF5_storeAttributes")) or not self.writers("HDF5_storeAttributes")

    def _append(self, frame: Frame) -> None:
        assert self._file is not None
        self._file.append(frame.pixels, self._tags_of(frame))
        every = self.number("HDF5_flushNthFrame")
        if every > 0 and self._file.written % every == 0:
            self._flush()

    def _flush(self) -> None:
        if self._file is not None:
            self._file.flush()
            self.set("HDF5_SWMRCbCounter", self.number("HDF5_SWMRCbCounter") + 1)

    def _flush_now(self) -> None:
        """Flush as a client asked for; who waits for it waits for as long as the disk takes."""
        if self._stuck:
            self._held = True
        elif self._slow:
            self.world.schedule.at(self.world.clock.now() + SLOW, self._end_flush)
        else:
            self._end_flush()

    def _end_flush(self) -> None:
        self._attempt(self._flush)
        self.set("HDF5_SWMRFlushNow", 0)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None and self._attempt(file.close):
            self._paths.finished(file.name)
        self.set("HDF5_SWMRRunning", 0)

    # Failing

    def _attempt(self, call: Callable[[], None]) -> bool:
        """Call a function that works on the file, and publish the reason if it fails."""
        try:
            call()
        except (OSError, ValueError, RuntimeError) as error:
            self._failed(str(error))
            return False
        return True

    def _succeeded(self) -> None:
        self.set("WRITE_STATUS", 0)
        self.set("WRITE_MESSAGE", "")

    def _failed(self, why: str) -> None:
        sys.stderr.write(f"{self.name}: {why}\n")
        self.set("WRITE_STATUS", 1)
        self.set("WRITE_MESSAGE", why)

    def fault(self, kind: str, on: bool) -> None:
        """Make the disk full, or let a flush take a second (`slow`) or never return (`stuck`).

        :raises ValueError: when it is another fault.
        """
        match kind:
            case "full":
                self._full = on
                if self._file is not None:
                    self._file.full = on
            case "slow":
                self._slow = on
            case "stuck":
                self._stuck = on
                if self._held and not on:
                    self._held = False
                    self.world.schedule.soon(self._end_flush)
            case _:
                raise ValueError(f"a file writer has no fault {kind!r}; its disk can be full, slow or stuck")
