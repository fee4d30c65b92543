"""A virtual dataset of many pieces, by HDF5's own interface: h5py copies each source, a millisecond at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from beamwright_runtime.nexus.pieces import Piece


class VirtualField:
    """A virtual dataset in the making.

    :param grid: its first dimensions, a frame at each place.
    :param per_frame: collections of a frame; a dimension of their own if there are several.
    :param frame: the shape of a collection.
    :param dtype: of the pixels.
    :param fill: what stands where nothing is.
    """

    def __init__(
        self, grid: tuple[int, ...], per_frame: int, frame: tuple[int, ...], dtype: np.dtype[Any], fill: Any
    ) -> None:
        self._per_frame = per_frame
        self._frame = frame
        self._inner = (*((per_frame,) if per_frame > 1 else ()), *frame)
        self._space = h5py.h5s.create_simple((*grid, *self._inner))
        self._type = h5py.h5t.py_create(dtype, logical=True)
        self._properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        self._properties.set_fill_value(np.asarray(fill, dtype))

    def add(self, piece: Piece, path: str, name: str, collections: int) -> None:
        """Fill a piece from a dataset.

        :param path: of the file of the dataset, relative to that of the virtual one.
        :param name: of the dataset in it.
        :param collections: that it has.
        """
        there = self._space.copy()
        _select(there, piece.place, self._inner)
        here = h5py.h5s.create_simple((collections, *self._frame))
        every = [1] * len(self._frame)
        here.select_hyperslab(
            (piece.row * self._per_frame, *(0 for _ in self._frame)),
            (piece.rows, *self._frame),
            (piece.step * self._per_frame, *every),
            (self._per_frame, *every),
        )
        self._properties.set_virtual(there, path.encode(), name.encode(), here)

    def write(self, group: h5py.Group, name: str) -> h5py.Dataset:
        """Write the dataset."""
        return h5py.Dataset(h5py.h5d.create(group.id, name.encode(), self._type, self._space, self._properties))


def _select(space: h5py.h5s.SpaceID, place: Sequence[slice], inner: tuple[int, ...]) -> None:
    steps = [one.step or 1 for one in place]
    counts = [len(range(one.start, one.stop, step)) for one, step in zip(place, steps, strict=True)]
    starts = [one.start for one in place]
    nothing, every = [0] * len(inner), [1] * len(inner)
    space.select_hyperslab((*starts, *nothing), (*counts, *inner), (*steps, *every))
