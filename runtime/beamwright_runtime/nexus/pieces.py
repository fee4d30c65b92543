"""From rows of files to places in the grid of a scan, in as few pieces as a virtual dataset can be made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOWHERE = -1


class Piece(NamedTuple):
    """A piece of the grid and the rows that fill it, in the order of the rows.

    :param place: a slice of each dimension of the grid.
    :param row: the first row.
    :param step: from each row to the next.
    :param rows: how many.
    """

    place: tuple[slice, ...]
    row: int
    step: int
    rows: int


def grid_order(shape: Sequence[int], snaked: Sequence[bool]) -> tuple[NDArray[np.int64], ...]:
    """Return the place in the grid of each frame, as one array for each dimension.

    :param shape: of the grid, slowest dimension first.
    :param snaked: which dimensions run backwards every other time.
    :returns: arrays to index a grid with, in the order in which frames are taken.
    """
    frames = np.arange(prod(shape))
    places = []
    for number, (length, turns) in enumerate(zip(shape, snaked, strict=True)):
        passed, within = np.divmod(frames // prod(shape[number + 1 :]), length)
        places.append(np.where((passed % 2 == 1) & turns, length - 1 - within, within))
    return tuple(places)


def pieces(rows: NDArray[np.int64]) -> Iterator[Piece]:
    """Cut a grid into pieces that are filled by evenly spaced rows.

    HDF5 cannot read backwards: rows of a snake that do are taken column by column, every other line at once.

    :param rows: the row at each place of the grid, -1 where there is none.
    """
    left = rows.copy()
    flat = rows.ravel()
    ends = np.flatnonzero((np.diff(flat) != 1) | (flat[:-1] < 0)) + 1
    starts = np.concatenate([[0], ends])
    stops = np.concatenate([ends, [len(flat)]])
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if flat[start] >= 0 and stop - start > 1:
            for place, offset, count in _blocks(start, stop, rows.shape):
                yield Piece(place, int(flat[start]) + offset, 1, count)
            left.ravel()[start:stop] = NOWHERE
    yield from _columns(left)


def _blocks(start: int, stop: int, shape: tuple[int, ...]) -> Iterator[tuple[tuple[slice, ...], int, int]]:
    """Cut a stretch of a flattened grid into blocks; with each, how far it is from the start, and its size."""
    inner = prod(shape[1:])
    first, last = -(-start // inner), stop // inner
    whole = tuple(slice(0, length) for length in shape[1:])
    if first > last:
        within = (first - 1) * inner
        for place, offset, count in _blocks(start - within, stop - within, shape[1:]):
            yield (slice(first - 1, first), *place), offset, count
        return
    if start < first * inner:
        within = (first - 1) * inner
        for place, offset, count in _blocks(start - within, inner, shape[1:]):
            yield (slice(first - 1, first), *place), offset, count
    if first < last:
        yield (slice(first, last), *whole), first * inner - start, (last - first) * inner
    if last * inner < stop:
        for place, offset, count in _blocks(0, stop - last * inner, shape[1:]):
            yield (slice(last, last + 1), *place), last * inner - start + offset, count


def _columns(rows: NDArray[np.int64]) -> Iterator[Piece]:
    """Cut what single rows fill into evenly spaced pieces along the last dimension but one."""
    along = max(rows.ndim - 2, 0)
    places = np.argwhere(rows >= 0)
    if not len(places):
        return
    others = [number for number in range(rows.ndim) if number != along]
    order = np.lexsort((places[:, along], *(places[:, number] for number in reversed(others))))
    places = places[order]
    values = rows[tuple(places.T)]
    steps = np.column_stack([np.diff(places, axis=0), np.diff(values)])
    goes_on = (np.delete(steps[:, :-1], along, axis=1) == 0).all(axis=1) & (steps[:, -1] > 0)
    same = (steps[1:] == steps[:-1]).all(axis=1) & goes_on[1:]
    # Where a run that began earlier ends: at the next step that differs.
    ends = np.append(np.flatnonzero(~same) + 1, len(places) - 1)
    first = 0
    while first < len(places):
        last = first
        if first < len(goes_on) and goes_on[first]:
            last = int(ends[np.searchsorted(ends, first, side="right")])
        yield _column(places[first], places[last], along, values[first : last + 1])
        first = last + 1


def _column(first: NDArray[np.int64], last: NDArray[np.int64], along: int, values: NDArray[np.int64]) -> Piece:
    count = len(values)
    apart = (int(last[along]) - int(first[along])) // (count - 1) if count > 1 else 1
    step = int(values[1] - values[0]) if count > 1 else 1
    place = [slice(int(at), int(at) + 1) for at in first]
    place[along] = slice(int(first[along]), int(last[along]) + 1, apart)
    return Piece(tuple(place), int(values[0]), step, count)
