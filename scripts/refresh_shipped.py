"""Rewrite `ophyd_async_classes.json`: the EPICS classes that the installed ophyd-async ships, found by looking.

Only names that a public module exports are recorded. One instance of each class is made (nothing connects) and its
signals are asked for their type and their PVs. Which template a class mirrors stands here: ophyd-async says so in
docstrings only, and two of those name a file that the driver's module does not have.

    python scripts/refresh_shipped.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Protocol, get_args, get_origin, get_type_hints

import numpy as np
import ophyd_async
from ophyd_async.core import (
    Device,
    DeviceVector,
    Signal,
    StandardReadable,
    StrictEnum,
    SubsetEnum,
    SupersetEnum,
    Table,
    get_enum_cls,
    non_zero,
)
from ophyd_async.core._device import DEVICE_RESERVED_ATTRS
from ophyd_async.epics.core import EpicsDevice

from beamwright_runtime import Motor, Panda, RecordDevice

TABLE = Path(__file__).parents[1] / "generator/beamwright_generator/tables/ophyd_async_classes.json"

AD = "ophyd_async.epics"
MIRRORS: Mapping[str, tuple[str, ...]] = {
    f"{AD}.adcore.NDArrayBaseIO": ("NDArrayBase.template",),
    f"{AD}.adcore.ADBaseIO": ("ADBase.template",),
    f"{AD}.adcore.NDPluginBaseIO": ("NDPluginBase.template",),
    f"{AD}.adcore.NDROIIO": ("NDROI.template",),
    f"{AD}.adcore.NDStatsIO": ("NDStats.template",),
    f"{AD}.adcore.NDROIStatNIO": ("NDROIStatN.template",),
    f"{AD}.adcore.NDROIStatIO": ("NDROIStat.template",),
    f"{AD}.adcore.NDCircularBuffIO": ("NDCircularBuff.template",),
    f"{AD}.adcore.NDFileIO": ("NDArrayBase.template", "NDFile.template"),
    f"{AD}.adcore.NDPluginFileIO": ("NDFile.template", "NDPluginBase.template"),
    f"{AD}.adcore.NDFileHDF5IO": ("NDFileHDF5.template",),
    f"{AD}.adandor.Andor2DriverIO": ("andorCCD.template",),
    f"{AD}.adaravis.AravisDriverIO": ("aravisCamera.template",),
    f"{AD}.adkinetix.KinetixDriverIO": ("ADKinetix.template",),
    f"{AD}.admerlin.MerlinDriverIO": ("merlin.template",),
    f"{AD}.adpilatus.PilatusDriverIO": ("pilatus.template",),
    f"{AD}.advimba.VimbaDriverIO": ("vimba.template",),
    f"{AD}.motor.Motor": (),
}
"""Class to the templates it mirrors; a class with two mirrors a template that includes both (NDFile.template alone
lacks what NDFileIO inherits)."""

PANDA = "ophyd_async.fastcs.panda"
BLOCKS: Mapping[str, str] = {
    "data": f"{PANDA}.DataBlock",
    "inenc": f"{PANDA}.InencBlock",
    "pcap": f"{PANDA}.PcapBlock",
    "pcomp": f"{PANDA}.PcompBlock",
    "pulse": f"{PANDA}.PulseBlock",
    "seq": f"{PANDA}.SeqBlock",
}
"""Block of a PandA, by the name without number that it has in the PVI tree, to the class that asks for its signals."""

ENUM_MODULES = ("ophyd_async.core", *dict.fromkeys(path.rpartition(".")[0] for path in MIRRORS), PANDA)
KINDS = {StrictEnum: "strict", SubsetEnum: "subset", SupersetEnum: "superset"}
PREFIX = "PREFIX:"


def load(path: str) -> type[Device]:
    """Import a class by its public path."""
    module, _, name = path.rpartition(".")
    loaded: type[Device] = getattr(import_module(module), name)
    if name not in import_module(module).__all__:
        raise SystemExit(f"{path} is not public")
    return loaded


def public_path(cls: type) -> str:
    """Find the public module that exports a class."""
    for module in (*ENUM_MODULES, "ophyd_async.epics.core"):
        if getattr(import_module(module), cls.__name__, None) is cls:
            return f"{module}.{cls.__name__}"
    raise SystemExit(f"{cls} is not exported by a public module")


def children(device: Device) -> tuple[dict[str, Any], dict[str, Any], set[type[Enum]]]:
    """Describe the signals and vectors of an instance, and collect the enums they use."""
    signals: dict[str, Any] = {}
    vectors: dict[str, Any] = {}
    enums: set[type[Enum]] = set()
    for name, child in device.children():
        if isinstance(child, DeviceVector):
            vectors[name] = vector(child)
            continue
        backend = getattr(child._connector, "backend")  # noqa: B009 - not on the base class of connectors
        datatype = backend.datatype
        facts = {"kind": type(child).__name__, "datatype": datatype_text(datatype)}
        if isinstance(datatype, type) and issubclass(datatype, Enum):
            facts["enum"] = public_path(datatype)
            enums.add(datatype)
        facts["read"] = backend.read_pv.removeprefix(PREFIX)
        facts["write"] = backend.write_pv.removeprefix(PREFIX)
        if backend.options.wait is not True:
            facts["wait"] = "non_zero" if backend.options.wait is non_zero else str(backend.options.wait)
        signals[name] = facts
    return signals, vectors, enums


def datatype_text(datatype: Any) -> str:
    """Write a datatype as its source text."""
    if get_origin(datatype) is not None or not isinstance(datatype, type):
        raise SystemExit(f"a shipped class has a datatype that has no rule yet: {datatype}")
    return datatype.__name__


def vector(child: DeviceVector[Any]) -> dict[str, Any]:
    """Describe a vector by its class and the suffix of entry 1, with the number as `{}`."""
    first = child[1]
    (signal, *_) = [signal for _, signal in first.children()]
    start = signal._connector.backend.read_pv.removeprefix(PREFIX)
    return {"class": public_path(type(first)), "suffix": start[: start.index("1") + 2].replace("1", "{}")}


def members(cls: type, instance: Device) -> set[str]:
    """Name everything that an attribute of a subclass would hide."""
    return {name for name in {*dir(cls), *vars(instance)} if not name.startswith(("__", "_abc"))}


def describe() -> dict[str, Any]:
    """Describe every class of `MIRRORS`."""
    plain = (Device(), EpicsDevice(), StandardReadable())
    reserved = {*DEVICE_RESERVED_ATTRS}.union(*(members(type(device), device) for device in plain))
    reserved |= _public(RecordDevice)
    classes: dict[str, Any] = {}
    enums: dict[str, type[Enum]] = {}
    for path in MIRRORS:
        classes[path], found = class_facts(path, classes, reserved)
        enums.update({public_path(enum): enum for enum in found})
    asked = {name: block_types(path) for name, path in BLOCKS.items()}
    tables = {public_path(t): t for types in asked.values() for _, t in types.values() if _is_table(t)}
    columns = {path: column_types(table) for path, table in tables.items()}
    hinted = [t for types in asked.values() for _, t in types.values()] + [
        t for c in columns.values() for t in c.values()
    ]
    enums.update({public_path(enum): enum for hint in hinted if (enum := get_enum_cls(hint)) is not None})
    return {
        "ophyd_async": ophyd_async.__version__,
        "device_members": sorted(reserved),
        "motor_members": sorted(_public(Motor) | {name for name, _ in Motor().children()}),
        "motor_signals": motor_signals(),
        "panda_members": sorted(_public(Panda)),
        "table_members": sorted(_public(Table)),
        "blocks": {
            name: {
                "class": BLOCKS[name],
                "signals": {
                    signal: {"kind": kind.__name__, "datatype": value_text(t)} for signal, (kind, t) in types.items()
                },
            }
            for name, types in asked.items()
        },
        "tables": {path: {name: value_text(t) for name, t in types.items()} for path, types in sorted(columns.items())},
        "enums": {path: enum_facts(enums[path]) for path in sorted(enums)},
        "orders": {path: order_names(cls) for path, cls in extended().items()},
        "classes": classes,
    }


def extended() -> dict[str, type]:
    """Return every class that a generated one can have among its bases, by its public path."""
    ours = {f"beamwright_runtime.{cls.__name__}": cls for cls in (Motor, Panda, RecordDevice)}
    return {**ours, "ophyd_async.core.StandardReadable": StandardReadable, **{path: load(path) for path in MIRRORS}}


def order_names(cls: type) -> list[str]:
    """Name the classes that Python looks an attribute up in, in order; those of no public module by their bare name."""
    public = {known: path for path, known in extended().items()}
    return [public.get(base, base.__name__) for base in cls.__mro__ if base not in (object, Generic, Protocol)]


def motor_signals() -> dict[str, dict[str, Any]]:
    """Describe the signals of the runtime's motor: type, field of the record, and states."""
    described = {}
    for name, child in Motor(PREFIX).children():
        backend = getattr(child._connector, "backend")  # noqa: B009 - not on the base class of connectors
        datatype = getattr(backend, "datatype", None)  # a command has none
        enum = get_enum_cls(datatype)
        described[name] = {
            "kind": type(child).__name__,
            "datatype": datatype_text(datatype) if datatype is not None else "",
            "field": backend.write_pv.removeprefix(PREFIX).removeprefix("."),
            **({"choices": [member.value for member in enum]} if enum is not None else {}),
        }
    return described


def block_types(path: str) -> dict[str, tuple[type[Signal[Any]], Any]]:
    """Return the kind and the datatype of each signal that a block of a PandA declares; none has a PV of its own."""
    return {name: (get_origin(hint), get_args(hint)[0]) for name, hint in _own_hints(load(path)).items()}


def column_types(table: type[Table]) -> dict[str, Any]:
    """Return the type of each column that a table declares."""
    return _own_hints(table)


def _own_hints(cls: type) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(cls).items() if name in cls.__annotations__}


def _is_table(datatype: Any) -> bool:
    return isinstance(datatype, type) and issubclass(datatype, Table)


def value_text(datatype: Any) -> str:
    """Write a datatype as `float` or `uint16[]`, or as the path of an enum or table; a column of states as `path[]`."""
    if get_origin(datatype) is np.ndarray:
        return f"{np.dtype(get_args(get_args(datatype)[1])[0]).name}[]"
    if (enum := get_enum_cls(datatype)) is not None:
        return public_path(enum) + "[]" * (datatype is not enum)
    if get_origin(datatype) is not None:
        return f"{get_args(datatype)[0].__name__}[]"
    return public_path(datatype) if _is_table(datatype) else datatype_text(datatype)


def _public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def enum_facts(enum: type[Enum]) -> dict[str, Any]:
    """Describe an enum: how strict it is, and its states by member name."""
    (kind,) = (word for base, word in KINDS.items() if issubclass(enum, base))
    return {"kind": kind, "members": {member.name: member.value for member in enum}}


def class_facts(
    path: str, bases: Mapping[str, Any], reserved: AbstractSet[str]
) -> tuple[dict[str, Any], set[type[Enum]]]:
    """Describe one class, after its bases; a signal that a shipped base has just so is left to it."""
    cls = load(path)
    instance = cls(PREFIX)  # every class of MIRRORS takes its prefix first
    lineage = [base for base in map(known_path, cls.__mro__[1:]) if base]
    inherited: dict[str, Any] = {}
    for base in reversed(lineage):
        inherited.update(bases[base]["signals"])
    signals, vectors, enums = children(instance)
    facts = {
        "templates": list(MIRRORS[path]),
        "bases": [public_path(base) for base in cls.__bases__],
        "lineage": lineage,
        "members": sorted(members(cls, instance) - reserved - set(signals) - set(vectors)),
        "vectors": vectors,
        "signals": {name: signal for name, signal in signals.items() if inherited.get(name) != signal},
    }
    return facts, enums


def known_path(cls: type) -> str:
    """Return the path of a class of `MIRRORS`, and nothing for any other."""
    return next((path for path in MIRRORS if load(path) is cls), "")


def text(table: Mapping[str, Any]) -> str:
    """Lay the table out: one enum or signal on a line."""
    enums = ",\n".join(f"  {json.dumps(path)}: {json.dumps(facts)}" for path, facts in table["enums"].items())
    classes = ",\n".join(_block(path, facts) for path, facts in table["classes"].items())
    plain = (
        "ophyd_async",
        "device_members",
        "motor_members",
        "motor_signals",
        "panda_members",
        "table_members",
        "blocks",
        "tables",
        "orders",
    )
    head = ",\n".join(f"{json.dumps(key)}: {_rows(table[key])}" for key in plain)
    return f'{{\n{head},\n"enums": {{\n{enums}\n}},\n"classes": {{\n{classes}\n}}\n}}\n'


def _rows(value: Any) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(facts)}" for key, facts in value.items()) + "\n}"


def _block(path: str, facts: Mapping[str, Any]) -> str:
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items() if key != "signals"]
    signals = ",\n".join(f"    {json.dumps(name)}: {json.dumps(signal)}" for name, signal in facts["signals"].items())
    lines.append(f'  "signals": {{\n{signals}\n  }}' if signals else '  "signals": {}')
    body = ",\n".join(lines)
    return f"{json.dumps(path)}: {{\n{body}\n}}"


if __name__ == "__main__":
    TABLE.write_text(text(describe()), newline="\n")
