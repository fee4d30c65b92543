"""NDFileHDF5: writes the frames of a camera into an HDF5 file that can be read while it grows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from beamwright_generator.twin.asyn import Port
from beamwright_generator.twin.frame import Frame
from beamwright_generator.twin.plugin import Plugin
from beamwright_generator.twin.world import World

if TYPE_CHECKING:
    import h5py

DATA = "/entry/data/data"
ATTRIBUTES = "/entry/instrument/NDAttributes"
ATTRIBUTE_CHUNK = 16384
"""Values in a chunk of a dataset of attributes, as areaDetector has it."""


class Hdf5(Plugin):
    """A file writer in its stream mode; each capture is one file."""

    def __init__(self, world: World, name: str, port: Port) -> None:
        super().__init__(world, name, port)
        self._capturing = False
        self._file: h5py.File | None = None
        self._datasets: dict[str, h5py.Dataset] = {}
        self._last: Frame | None = None
        self._written = 0

    def start(self) -> None:
        """Say that files can be read while they are written."""
        super().start()
        self.set("HDF5_SWMRSupported", 1)
        self.set("FILE_PATH_EXISTS", int(Path(self.text("FILE_PATH")).is_dir()))

    def written(self, parameter: str) -> None:
        """Start or end a capture, flush, or look for a folder."""
        match parameter:
            case "CAPTURE":
                wanted = bool(self.get("CAPTURE"))
                if wanted and not self._capturing:
                    self._begin()
                elif not wanted and self._capturing:
                    self._end()
            case "HDF5_SWMRFlushNow":
                self._flush()
                self.set(parameter, 0)
            case "WRITE_FILE":
                self.set(parameter, 0)
            case _:
                super().written(parameter)
                if parameter in ("FILE_PATH", "CREATE_DIR"):
                    self._find_folder()

    def process(self, frame: Frame) -> None:
        """Append a frame to the file."""
        self._last = frame
        if not self._capturing:
            return
        if self._file is None:
            self._open(frame)
        self._append(frame)
        self.set("NUM_CAPTURED", self._written)
        limit = int(self.get("NUM_CAPTURE"))
        if limit and self._written >= limit:
            self._end()

    def _find_folder(self) -> None:
        """Tell whether the folder is there; CREATE_DIR allows so many levels to be made, from the end if negative."""
        folder, depth = Path(self.text("FILE_PATH")), int(self.get("CREATE_DIR"))
        if depth and self.text("FILE_PATH") and not folder.is_dir():
            missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
            if depth > 0 or len(missing) <= -depth:
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    self.set("WRITE_MESSAGE", f"cannot make the folder: {error.strerror}")
        self.set("FILE_PATH_EXISTS", int(folder.is_dir()))

    def _begin(self) -> None:
        self._capturing, self._written = True, 0
        self.set("NUM_CAPTURED", 0)
        self.set("WRITE_STATUS", 0)
        if not self.get("FILE_LAZY_OPEN") and self._last is not None:
            self._open(self._last)
        self.set("CAPTURE", 1)

    def _open(self, frame: Frame) -> None:
        import h5py

        name = self._file_name()
        self._file = file = h5py.File(name, "w", libver="latest")
        shape, frames = frame.pixels.shape, max(1, int(self.get("HDF5_nFramesChunks")))
        data = file.create_dataset(
            DATA, shape=(0, *shape), maxshape=(None, *shape), chunks=(frames, *shape), dtype=frame.pixels.dtype
        )
        self._datasets = {DATA: data}
        for attribute, kind in (("NDArrayUniqueId", "i4"), ("NDArrayTimeStamp", "f8")):
            where = f"{ATTRIBUTES}/{attribute}"
            self._datasets[where] = file.create_dataset(
                where, shape=(0,), maxshape=(None,), chunks=(ATTRIBUTE_CHUNK,), dtype=kind
            )
        if self.get("HDF5_SWMRMode"):
            file.swmr_mode = True
            self.set("HDF5_SWMRRunning", 1)
        self.set("FULL_FILE_NAME", str(name))

    def _file_name(self) -> Path:
        """Put the name together as the template says: folder, name and, where it asks for one, the file's number."""
        parts: tuple[Any, ...] = (self.text("FILE_PATH"), self.text("FILE_NAME"), int(self.get("FILE_NUMBER")))
        template = self.text("FILE_TEMPLATE") or "%s%s.h5"
        return Path(template % parts[: template.count("%") - 2 * template.count("%%")])

    def _append(self, frame: Frame) -> None:
        values = {
            DATA: frame.pixels,
            f"{ATTRIBUTES}/NDArrayUniqueId": frame.number,
            f"{ATTRIBUTES}/NDArrayTimeStamp": frame.stamp,
        }
        for name, value in values.items():
            dataset = self._datasets[name]
            dataset.resize(self._written + 1, axis=0)
            dataset[self._written] = value
        self._written += 1
        every = int(self.get("HDF5_flushNthFrame"))
        if every and self._written % every == 0:
            self._flush()

    def _flush(self) -> None:
        if self._file is not None:
            self._file.flush()
            self.set("HDF5_SWMRCbCounter", int(self.get("HDF5_SWMRCbCounter")) + 1)

    def _end(self) -> None:
        file, self._file = self._file, None
        self._capturing = False
        if file is not None:
            file.close()
            self.set("HDF5_SWMRRunning", 0)
            if self.get("AUTO_INCREMENT"):
                self.set("FILE_NUMBER", int(self.get("FILE_NUMBER")) + 1)
        self.set("CAPTURE", 0)
