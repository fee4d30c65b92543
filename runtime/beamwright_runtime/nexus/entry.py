"""The entry of a NeXus file: the run, the instrument, and what to plot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import h5py
import numpy as np

from beamwright_runtime.documents import Role
from beamwright_runtime.nexus.fields import Fields, as_array
from beamwright_runtime.nexus.grid import Grid
from beamwright_runtime.nexus.roles import KeyFacts, Roles, hinted_first
from beamwright_runtime.nexus.run_record import RunRecord, Stream

CLASSES: Mapping[Role, str] = {
    "detector": "NXdetector",
    "monitor": "NXmonitor",
    "axis": "NXpositioner",
    "none": "NXcollection",
}


@dataclass(frozen=True)
class NexusField:
    """A field that was written.

    :param key: its data key.
    :param known: what is known of it.
    :param dataset: the field.
    """

    key: str
    known: KeyFacts
    dataset: h5py.Dataset


@dataclass
class AxisFields:
    """What was written of an axis.

    :param group: of its positioner.
    :param set_points: along its dimension.
    :param values: as read, at each place of the grid.
    """

    group: h5py.Group
    set_points: h5py.Dataset | None = None
    values: h5py.Dataset | None = None


class NexusEntry:
    """Writes one entry.

    :param group: to write into.
    :param run: the documents.
    :param grid: of the scan.
    :param fields: makes the fields.
    """

    def __init__(self, group: h5py.Group, run: RunRecord, grid: Grid, fields: Fields) -> None:
        self._entry = group
        self._run = run
        self._stream = run.main
        self._grid = grid
        self._fields = fields
        self._roles = Roles(run, grid)
        self._instrument = add_group(group, "instrument", "NXinstrument")
        self._devices: dict[str, h5py.Group] = {}

    def write(self) -> tuple[list[NexusField], dict[str, AxisFields]]:
        """Write the run and its devices; give the fields and the axes, to be plotted."""
        self._write_head()
        axes = {name: self._axis(name) for names in self._grid.dimensions for name in names}
        written = [one for key in hinted_first(self._stream) if (one := self._field(key)) is not None]
        for one in written:
            axis = axes.get(one.known.axis or "")
            if axis is not None and axis.values is None:
                axis.values = one.dataset
                if "value" not in axis.group:
                    link(axis.group, "value", one.dataset)
        self._write_configuration()
        self._write_streams()
        return written, axes

    @property
    def signal(self) -> str | None:
        """The data key that documents ask to plot first."""
        return self._roles.signal

    def _write_head(self) -> None:
        start, stop = self._run.start, self._run.stop
        fields = {
            "title": start.get("title") or start.get("plan_name") or "scan",
            "entry_identifier": str(start.get("scan_id", start["uid"])),
            "experiment_identifier": start.get("proposal") or start.get("proposal_id"),
            "start_time": iso_time(float(start["time"])),
            "end_time": iso_time(float(stop["time"])),
        }
        for name, value in fields.items():
            if value is not None:
                add_value(self._entry, name, value)
        named = start.get("instrument") or start.get("beamline")
        add_value(self._instrument, "name", named or "unknown")
        for name, nx_class, given in (
            ("sample", "NXsample", start.get("sample")),
            ("user", "NXuser", start.get("user") or start.get("operator")),
        ):
            if given:
                group = add_group(self._entry, name, nx_class)
                for field, value in (given if isinstance(given, Mapping) else {"name": given}).items():
                    add_value(group, field, value)

    def _device(self, device: str, role: Role) -> h5py.Group:
        if device not in self._devices:
            parent = self._instrument if role in ("detector", "axis") else self._entry
            name = free_name(parent, device)
            self._devices[device] = add_group(parent, name, CLASSES[role])
            self._devices[device].attrs["device"] = device
        return self._devices[device]

    def _axis(self, name: str) -> AxisFields:
        axis = AxisFields(self._device(name, "axis"))
        if "name" not in axis.group:
            add_value(axis.group, "name", name)
        if name in self._grid.set_points:
            axis.set_points = add_value(axis.group, "target_value", self._grid.set_points[name])
            self._with_units(axis.set_points, self._roles.units(name))
        return axis

    def _field(self, key: str) -> NexusField | None:
        known = self._roles.of(key)
        device = known.axis if known.role == "axis" and known.axis else known.device
        group = self._device(device, known.role)
        whole = "value" if known.role == "axis" else "data"
        name = free_name(group, whole if key == device else key.removeprefix(f"{device}-"))
        if (resources := self._fields.resources(key)) and "external" in self._stream.data_keys[key]:
            self._link_files(group, name, resources)
        dataset = self._fields.write(group, name, key)
        if dataset is None:
            return None
        dataset.attrs["data_key"] = key
        dataset.attrs["long_name"] = key
        self._with_units(dataset, known.units)
        if known.role in ("detector", "monitor") and whole not in group and known.axis is None:
            link(group, whole, dataset)
        return NexusField(key, known, dataset)

    def _link_files(self, group: h5py.Group, name: str, resources: Iterable[str]) -> None:
        files = group.require_group("files")
        files.attrs["NX_class"] = "NXcollection"
        for number, uid in enumerate(resources):
            if (found := self._fields.found(uid)) is not None:
                files[f"{name}_{number}"] = h5py.ExternalLink(found.path, found.name)

    @staticmethod
    def _with_units(dataset: h5py.Dataset, units: str | None) -> None:
        if units:
            dataset.attrs["units"] = units

    def _write_configuration(self) -> None:
        for name, one in self._stream.configuration.items():
            for key, value in one.get("data", {}).items():
                device = self._roles.device(key)
                owner = device if device in self._devices else name
                configured = self._device(owner, "none").require_group("configuration")
                configured.attrs["NX_class"] = "NXcollection"
                field = add_value(configured, key.removeprefix(f"{owner}-"), value)
                self._with_units(field, one.get("data_keys", {}).get(key, {}).get("units"))

    def _write_streams(self) -> None:
        """Write the other streams, such as baselines and monitored signals, in order of time."""
        others = {name: one for name, one in self._run.streams.items() if name != self._run.main_name}
        if not others:
            return
        streams = add_group(self._entry, "streams", "NXcollection")
        for name, stream in others.items():
            self._write_stream(add_group(streams, free_name(streams, name), "NXcollection"), stream)

    def _write_stream(self, group: h5py.Group, stream: Stream) -> None:
        events = [stream.events[seq] for seq in sorted(stream.events)]
        times = np.asarray([event["time"] for event in events], np.float64) - float(self._run.start["time"])
        add_value(group, "time", times).attrs.update({"units": "s", "start": iso_time(float(self._run.start["time"]))})
        for key, described in stream.data_keys.items():
            for number, uid in enumerate(dict.fromkeys(one.resource for one in stream.stretches.get(key, ()))):
                if (found := self._fields.found(uid)) is not None:
                    group[free_name(group, f"{key}_{number}")] = h5py.ExternalLink(found.path, found.name)
            values = [event["data"][key] for event in events if key in event["data"]]
            if (array := as_array(values)) is not None:
                self._with_units(add_value(group, key, array), described.get("units"))


def add_group(parent: h5py.Group, name: str, nx_class: str) -> h5py.Group:
    """Make a group of a class."""
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    return group


def add_value(group: h5py.Group, name: str, value: Any) -> h5py.Dataset:
    """Write a value under a name that NeXus allows; what HDF5 has no type for is written as JSON."""
    array = as_array([value])
    if array is None:
        array = np.asarray([json.dumps(value, default=_plain)])
    if array.dtype.kind in "US":
        array = array.astype(h5py.string_dtype())
    return group.create_dataset(free_name(group, name), data=array[0])


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


def free_name(group: h5py.Group, wanted: str) -> str:
    """Return a name that NeXus allows and that is free in a group."""
    allowed = re.sub(r"[^A-Za-z0-9_.]", "_", wanted).strip(".") or "_"
    name, number = allowed, 2
    while name in group:
        name, number = f"{allowed}_{number}", number + 1
    return name


def link(group: h5py.Group, name: str, dataset: h5py.Dataset) -> None:
    """Link to a dataset from another group, as NeXus does: both are one, and it says where it is at home."""
    dataset.attrs["target"] = dataset.attrs.get("target", dataset.name)
    group[name] = dataset


def iso_time(seconds: float) -> str:
    """Write a time since the epoch in ISO 8601, with the zone of this machine."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat()
