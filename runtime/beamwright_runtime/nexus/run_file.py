"""One NeXus file for one run, written beside its place and moved there when it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from beamwright_runtime.nexus.entry import NexusEntry, add_group, add_value, iso_time
from beamwright_runtime.nexus.fields import Fields
from beamwright_runtime.nexus.grid import Grid, grid_of
from beamwright_runtime.nexus.plots import write_plots
from beamwright_runtime.nexus.run_record import RunRecord

CREATOR = "beamwright"

LIBRARY = ("v110", "v110")
"""The HDF5 that virtual datasets came with: it stores evenly spaced rows as such, the oldest format lists them."""


def write_run(run: RunRecord, path: Path, problems: list[str]) -> None:
    """Write the file of a run that has stopped.

    :param path: of the file; its folder is made.
    :param problems: gets what is missing or does not fit.
    :raises OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with h5py.File(unfinished, "w", libver=LIBRARY) as file:
            file.attrs.update(
                {
                    "NX_class": "NXroot",
                    "default": "entry",
                    "creator": CREATOR,
                    "file_name": path.name,
                    "file_time": iso_time(float(run.stop["time"])),
                    "HDF5_Version": h5py.version.hdf5_version,
                    "h5py_version": h5py.version.version,
                }
            )
            _write_entry(add_group(file, "entry", "NXentry"), run, path.parent, problems)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_entry(group: h5py.Group, run: RunRecord, folder: Path, problems: list[str]) -> None:
    status = run.stop.get("exit_status")
    if status != "success":
        problems.append(f"the run ended as {status}: {run.stop.get('reason') or 'no reason is given'}")
    grid = grid_of(run, problems)
    if grid.missing:
        problems.append(f"{grid.missing} of {grid.rows.size} frames were not taken")
    fields = Fields(run.main, run.resources, grid, folder, problems)
    entry = NexusEntry(group, run, grid, fields)
    written, axes = entry.write()
    write_plots(group, grid, written, axes, entry.signal)
    _write_run_facts(add_group(group, "run", "NXcollection"), run, grid, problems)


def _write_run_facts(group: h5py.Group, run: RunRecord, grid: Grid, problems: list[str]) -> None:
    told: dict[str, Any] = {
        "uid": run.start["uid"],
        "plan_name": run.start.get("plan_name"),
        "plan_args": run.start.get("plan_args"),
        "exit_status": run.stop.get("exit_status"),
        "reason": run.stop.get("reason"),
        "start_document": dict(run.start),
        "stop_document": dict(run.stop),
        "row": grid.rows,
    }
    for name, value in told.items():
        if value is not None:
            add_value(group, name, value)
    if problems:
        group.create_dataset("problems", data=np.asarray(problems, h5py.string_dtype()))
