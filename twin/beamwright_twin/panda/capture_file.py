"""The HDF5 file of a PandA, which can be read while it is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

CHUNK = 1024
"""Rows of a chunk of a dataset, as the box's own IOC writes them."""


class DataFile:
    """One float64 dataset for each name, all of the same length.

    :param keep: write only so many rows, the last ones, and only at the end.
    :raises OSError: when the file cannot be written.
    """

    def __init__(self, path: Path, names: Sequence[str], keep: int | None = None) -> None:
        self._file = h5py.File(path, "w", libver="latest")
        self._datasets = [
            self._file.create_dataset(name, (0,), np.float64, maxshape=(None,), chunks=(CHUNK,)) for name in names
        ]
        self._file.swmr_mode = True
        self._keeps = keep is not None
        self._rows: deque[Sequence[float]] = deque(maxlen=keep)
        self.taken = 0
        self.written = 0

    @property
    def waiting(self) -> int:
        """Rows that are not written yet and may be."""
        return 0 if self._keeps else len(self._rows)

    def append(self, row: Sequence[float]) -> None:
        """Keep a row, in the order of the names, until the next flush."""
        self._rows.append(row)
        self.taken += 1

    def flush(self) -> None:
        """Write the rows that wait."""
        if not self._keeps:
            self._write()

    def _write(self) -> None:
        rows = np.array(self._rows, np.float64).reshape(len(self._rows), len(self._datasets))
        self._rows.clear()
        for number, dataset in enumerate(self._datasets):
            dataset.resize((self.written + len(rows),))
            dataset[self.written :] = rows[:, number]
            dataset.flush()
        self.written += len(rows)

    def close(self) -> None:
        """Write what waits, and end the file."""
        self._write()
        self._file.close()
