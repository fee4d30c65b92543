"""Rows of files are put where they belong in the grid of a scan, in few pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scanspec.core import Path, SnakedDimension
from scanspec.specs import Ellipse, Linspace, Spec

from beamwright_runtime.nexus.pieces import grid_order, pieces


def filled(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Do with the pieces of a grid what HDF5 does; also count them."""
    grid = np.full(rows.shape, -1)
    cut = list(pieces(rows))
    for piece in cut:
        assert piece.step > 0, "HDF5 cannot read backwards"
        assert np.all(grid[piece.place] == -1), "pieces overlap"
        taken = piece.row + piece.step * np.arange(piece.rows)
        grid[piece.place] = taken.reshape(grid[piece.place].shape)
    return grid, len(cut)


@st.composite
def grids(draw: st.DrawFn) -> NDArray[np.int64]:
    """Rows of scans that snake, were interrupted, and have holes."""
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    snaked = [number > 0 and draw(st.booleans()) for number in range(len(shape))]
    rows = np.arange(np.prod(shape))
    for start in draw(st.lists(st.integers(0, len(rows) - 1), max_size=3)):
        rows[start:] += draw(st.integers(1, 4))
    for hole in draw(st.lists(st.integers(0, len(rows) - 1), max_size=4)):
        rows[hole] = -1
    if draw(st.booleans()):
        rows = np.asarray(draw(st.permutations(rows.tolist())), np.int64)
    grid = np.empty(shape, np.int64)
    grid[grid_order(shape, snaked)] = rows
    return grid


@given(grids())
def test_pieces_put_every_row_in_its_place_and_no_other(rows: NDArray[np.int64]) -> None:
    assert np.array_equal(filled(rows)[0], rows)


@pytest.mark.parametrize(
    ("snaked", "pauses", "most"),
    [
        pytest.param(False, [], 1, id="straight on is one piece"),
        pytest.param(False, [40], 4, id="a pause splits it in the middle of a row"),
        pytest.param(True, [], 5 + 20, id="a snake has one for each row there and each column back"),
    ],
)
def test_there_are_few_pieces(snaked: bool, pauses: list[int], most: int) -> None:
    rows = np.arange(10 * 20)
    for start in pauses:
        rows[start + 3 :] += 2
    grid = np.empty((10, 20), np.int64)
    grid[grid_order(grid.shape, [False, snaked])] = rows
    again, count = filled(grid)
    assert np.array_equal(again, grid)
    assert count <= most


SPECS: dict[str, Spec[str]] = {
    "snake": Linspace("y", 0, 1, 3) * ~Linspace("x", 0, 2, 4),
    "straight": Linspace("y", 0, 1, 3) * Linspace("x", 0, 2, 4),
    "two snakes": Linspace("z", 0, 1, 3) * ~Linspace("y", 0, 1, 3) * ~Linspace("x", 0, 2, 2),
    "a snake around a straight line": Linspace("z", 0, 1, 2) * ~Linspace("y", 0, 1, 3) * Linspace("x", 0, 2, 4),
    "an ellipse": Linspace("z", 0, 1, 2) * ~Ellipse("x", 0, 4, 1, "y", 0, 4),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_grid_is_in_the_order_of_the_set_points(name: str) -> None:
    dimensions = SPECS[name].calculate()
    shape = [len(one) for one in dimensions]
    places = grid_order(shape, [isinstance(one, SnakedDimension) for one in dimensions])
    taken = Path(dimensions).consume()
    for number, dimension in enumerate(dimensions):
        for axis, positions in dimension.midpoints.items():
            assert np.array_equal(positions[places[number]], taken.midpoints[axis])
