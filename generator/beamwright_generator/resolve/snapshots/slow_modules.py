"""The device modules that take long to import: those that stand on ophyd-async's support of PandAs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from beamwright_generator.model import AnnotatedVector, ClassRef, Datatype, DeviceType, Signal, SignalVector, States
from beamwright_generator.resolve.snapshots.block_classes import PANDA
from beamwright_generator.resolve.snapshots.signal_types import BLOCKS


def slow_modules(modules: Mapping[str, Sequence[DeviceType]]) -> frozenset[str]:
    """Name the modules that import ophyd-async's PandAs, which bring scanspec, themselves or through another module."""
    uses = {module: {ref for device in types for ref in _used(device)} for module, types in modules.items()}
    slow = {module for module, refs in uses.items() if any(_is_slow(ref) for ref in refs)}
    while more := {module for module, refs in uses.items() if any(ref.module in slow for ref in refs)} - slow:
        slow |= more
    return frozenset(slow)


def _is_slow(ref: ClassRef) -> bool:
    return ref == PANDA or ref.module == BLOCKS


def _used(device: DeviceType) -> Iterator[ClassRef]:
    yield from device.bases
    for member in device.members:
        if isinstance(member, Signal | SignalVector):
            yield from _of(member.datatype)
        else:
            yield member.type
        if isinstance(member, AnnotatedVector):
            yield from (ref for _, ref in member.own)
    for table in device.tables:
        for _, datatype in table.columns:
            yield from _of(datatype)


def _of(datatype: Datatype | None) -> Iterator[ClassRef]:
    if isinstance(datatype, ClassRef):
        yield datatype
    elif isinstance(datatype, States):
        yield datatype.enum
