"""An HDF5 file that grows by a frame at a time and can be read meanwhile."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beamwright_twin.areadetector.hdf5.layout import Layout
from beamwright_twin.sim.frame import Tag

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

ATTRIBUTE_CHUNK: Final = 16384
"""Values in a chunk of a dataset of attributes, as areaDetector has it."""


@dataclass(frozen=True, slots=True)
class Storage:
    """How a file keeps its frames.

    :param frames: in a chunk.
    :param rows: in a chunk, 0 for all.
    :param columns: in a chunk, 0 for all.
    :param attributes: values of an attribute in a chunk.
    :param fill: the pixels that are never written.
    :param compression: options of h5py.
    :param swmr: the file can be read while it is written.
    """

    frames: int = 1
    rows: int = 0
    columns: int = 0
    attributes: int = ATTRIBUTE_CHUNK
    fill: float = 0.0
    compression: Mapping[str, Any] | None = None
    swmr: bool = False


class FrameFile:
    """A file for frames that look like the first one.

    :param name: of the file, which is overwritten.
    :param pixels: a frame, of which the size and the type count.
    :param tags: the attributes that every frame has.
    :raises OSError: when the file cannot be made.
    """

    def __init__(
        self, name: Path, pixels: NDArray[Any], tags: Mapping[str, Tag], layout: Layout, storage: Storage
    ) -> None:
        import h5py

        self.name = name
        self.full = False
        self.written = 0
        self._shape = pixels.shape
        self._file = h5py.File(name, "w", libver="latest")
        self._frames: list[h5py.Dataset] = []
        self._attributes: list[tuple[str, h5py.Dataset]] = []
        self._waiting: list[Mapping[str, Tag]] = []
        self._whole = storage.rows == storage.columns == 0 and storage.frames == 1 and not storage.compression
        try:
            self._lay_out(pixels, tags, layout, storage)
        except BaseException:
            self._file.close()
            raise

    def _lay_out(self, pixels: NDArray[Any], tags: Mapping[str, Tag], layout: Layout, storage: Storage) -> None:
        for group in layout.groups:
            self._file.require_group(group)
        for path in layout.frames:
            self._frames.append(self._for_frames(path, pixels, storage))
        named = {one.path: one.attribute for one in layout.datasets if one.source == "ndattribute"}
        if layout.rest is not None:
            taken = set(named.values())
            named |= {f"{layout.rest.rstrip('/')}/{name}": name for name in tags if name not in taken}
        for path, name in named.items():
            if name in tags:
                self._attributes.append((name, self._for_attribute(path, tags[name], storage)))
        for one in layout.datasets:
            if one.source == "constant":
                self._file[one.path] = one.value
        for path, target in layout.links:
            self._file[path] = self._file[target]
        for path, name, value in layout.attributes:
            if not path or path in self._file:
                self._file[path or "/"].attrs[name] = value
        if storage.swmr:
            self._file.swmr_mode = True

    def _for_frames(self, path: str, pixels: NDArray[Any], storage: Storage) -> h5py.Dataset:
        rows = min(storage.rows or pixels.shape[0], pixels.shape[0])
        columns = min(storage.columns or pixels.shape[1], pixels.shape[1])
        return self._file.create_dataset(
            path,
            shape=(0, *pixels.shape),
            maxshape=(None, *pixels.shape),
            chunks=(max(1, storage.frames), rows, columns, *pixels.shape[2:]),
            dtype=pixels.dtype,
            fillvalue=storage.fill,
            **(storage.compression or {}),
        )

    def _for_attribute(self, path: str, tag: Tag, storage: Storage) -> h5py.Dataset:
        chunks = (storage.attributes or ATTRIBUTE_CHUNK,)
        return self._file.create_dataset(path, shape=(0,), maxshape=(None,), chunks=chunks, dtype=tag.dtype)

    def append(self, pixels: NDArray[Any], tags: Mapping[str, Tag]) -> None:
        """Write one more frame.

        :raises OSError: when there is no room, or the frame is of another size than the first.
        """
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if pixels.shape != self._shape:
            raise OSError(f"the frame is {pixels.shape} and those of the file are {self._shape}")
        for dataset in self._frames:
            dataset.id.set_extent((self.written + 1, *self._shape))
            if self._whole:
                # A frame is a chunk, and h5py takes much longer to find that out.
                dataset.id.write_direct_chunk((self.written, *(0 for _ in self._shape)), pixels.tobytes())
            else:
                dataset[self.written] = pixels
        self._waiting.append(tags)
        self.written += 1

    def _write_attributes(self) -> None:
        waiting, self._waiting = self._waiting, []
        for name, dataset in self._attributes:
            values = [_plain(tags[name]) if name in tags else 0 for tags in waiting]
            dataset.resize(self.written, axis=0)
            if values:
                dataset[-len(values) :] = values

    def flush(self) -> None:
        """Flush the datasets, so that readers see them."""
        self._write_attributes()
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        try:
            self._write_attributes()
        finally:
            self._file.close()


def _plain(tag: Tag) -> float | bytes:
    return tag.value.encode() if isinstance(tag.value, str) else tag.value
