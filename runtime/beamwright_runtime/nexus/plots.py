"""What to plot: the NXdata groups of an entry, with signals and the axes of their dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import h5py
import numpy as np

from beamwright_runtime.nexus.entry import AxisFields, NexusField, add_group, free_name, link
from beamwright_runtime.nexus.grid import Grid


def write_plots(
    entry: h5py.Group, grid: Grid, written: Sequence[NexusField], axes: Mapping[str, AxisFields], signal: str | None
) -> None:
    """Write an NXdata for the first signal and one for each other shape, and name the default.

    Signals of one shape stand together. A field that holds read values of an axis is no signal.

    :param written: the fields, those to plot first before the others.
    :param axes: those of the grid, by name.
    :param signal: the data key to plot first.
    """
    signals = [one for one in written if one.known.role in ("detector", "monitor") and one.known.axis is None]
    signals = [one for one in signals if one.dataset.dtype.kind in "biuf"]
    signals.sort(key=lambda one: (one.key != signal, one.known.role == "monitor"))
    while signals:
        shape = signals[0].dataset.shape
        name = "data" if "data" not in entry else free_name(entry, f"data_{signals[0].key}")
        group = add_group(entry, name, "NXdata")
        _write_signals(group, [one for one in signals if one.dataset.shape == shape])
        _write_axes(group, grid, axes, len(shape))
        entry.attrs.setdefault("default", name)
        signals = [one for one in signals if one.dataset.shape != shape]


def _write_signals(group: h5py.Group, signals: Sequence[NexusField]) -> None:
    names = []
    for one in signals:
        names.append(free_name(group, one.key))
        link(group, names[-1], one.dataset)
    group.attrs["signal"] = names[0]
    if names[1:]:
        group.attrs["auxiliary_signals"] = np.asarray(names[1:], h5py.string_dtype())


def _write_axes(group: h5py.Group, grid: Grid, axes: Mapping[str, AxisFields], dimensions: int) -> None:
    first = ["."] * dimensions
    everywhere = list(range(len(grid.shape)))
    for number, names in enumerate(grid.dimensions):
        for axis in names:
            one = axes[axis]
            if one.set_points is not None:
                name = _add(group, axis, one.set_points, [number])
                if one.values is not None:
                    _add(group, f"{axis}_value", one.values, everywhere)
            elif one.values is not None:
                name = _add(group, axis, one.values, everywhere)
            else:
                continue
            if first[number] == ".":
                first[number] = name
    group.attrs["axes"] = np.asarray(first, h5py.string_dtype())


def _add(group: h5py.Group, wanted: str, dataset: h5py.Dataset, indices: Sequence[int]) -> str:
    name = free_name(group, wanted)
    link(group, name, dataset)
    group.attrs[f"{name}_indices"] = np.asarray(indices, np.int32)
    return name
