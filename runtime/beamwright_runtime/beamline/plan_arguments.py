"""Finding the devices in what a plan is given."""

from __future__ import annotations

import dataclasses
import inspect
from collections import deque
from collections.abc import Generator, Iterable, Iterator, KeysView, Mapping, ValuesView
from functools import partial

from bluesky.utils import Plan
from cycler import Cycler
from ophyd_async.core import Device
from pydantic import BaseModel

from beamwright_runtime.beamline.factory import DeviceFactory
from beamwright_runtime.ophyd_seam import generator_of

Needed = Device | DeviceFactory[Device]


def devices_within(*values: object) -> list[Needed]:
    """Find devices, and factories of devices, each once and in the order they stand in.

    Looked into are collections, mappings, dataclasses, pydantic models, scan specifications, cyclers, partial
    functions and the arguments of plans; not devices, which connect their children themselves.
    """
    found: dict[int, Needed] = {}
    _find(values, found, set())
    return list(found.values())


def _find(values: Iterable[object], found: dict[int, Needed], seen: set[int]) -> None:
    for value in values:
        if isinstance(value, (Device, DeviceFactory)):
            found.setdefault(id(value), value)
        elif id(value) not in seen and (inside := _inside(value)) is not None:
            # Remembered by what is looked into only: the values themselves are alive as long as their collection.
            seen.add(id(value))
            _find(inside, found, seen)


def _inside(value: object) -> Iterable[object] | None:
    if isinstance(value, Mapping):
        return _entries(value)
    if isinstance(value, BaseModel):
        return [*dict(value).values()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    if isinstance(value, Cycler):
        return list(value.keys)
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, (list, tuple, set, frozenset, deque, KeysView, ValuesView)):
        return value
    return plan_arguments(value)


def _entries(mapping: Mapping[object, object]) -> Iterator[object]:
    for key, value in mapping.items():
        yield key
        yield value


def plan_arguments(plan: object) -> list[object] | None:
    """Return the arguments of a plan that has not begun, defaults included; `None` for anything else."""
    if isinstance(plan, Plan):
        plan = generator_of(plan)
    if isinstance(plan, Generator) and inspect.isgenerator(plan) and inspect.getgeneratorstate(plan) == "GEN_CREATED":
        return list(inspect.getgeneratorlocals(plan).values())
    return None
