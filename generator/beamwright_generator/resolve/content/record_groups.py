"""Groups of a template's records: which of them are one device, what it is called, what stands inside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from beamwright_generator.model import Child, ClassRef, Member, Vector
from beamwright_generator.resolve.content.device_content import Base, Content
from beamwright_generator.resolve.content.flat_template import FlatTemplate
from beamwright_generator.resolve.naming.identifiers import Names, snake
from beamwright_generator.resolve.naming.prefixes import first_macro, leading_name, literal_prefix, numbered
from beamwright_generator.resolve.signals.record_signals import Signals
from beamwright_generator.tables.ophyd_async_classes import classes_for_templates, device_members, motor_members


def groups_of(flat: FlatTemplate) -> Iterator[list[str]]:
    """Bring together the records of one device: names that start with the same macro, or the same literal device."""
    groups: dict[str, list[str]] = {}
    for record in flat.records:
        macro = first_macro(record.name)
        key = f"$({macro})" if macro is not None else "literal"
        groups.setdefault(key, []).append(record.name)
    literal = groups.pop("literal", [])
    if literal and (len(literal) == 1 or not literal_prefix(literal)):
        by_device: dict[str, list[str]] = {}
        for name in literal:
            by_device.setdefault(leading_name(name), []).append(name)
        yield from groups.values()
        yield from by_device.values()
        return
    yield from groups.values()
    if literal:
        yield literal


def stem_of(flat: FlatTemplate, names: Sequence[str]) -> str:
    """Name a group after its file; a smaller group adds what its names start with."""
    stem = flat.tree.source.path.stem
    largest = max(groups_of(flat), key=len)
    if list(names) == largest:
        return stem
    macro = first_macro(names[0])
    return f"{stem} {macro if macro is not None else literal_prefix(names) or 'global'}"


def parts_of(inside: Sequence[Base]) -> Iterator[tuple[Member, Content]]:
    """Make a vector of equal devices whose suffixes are numbered, and a child of every other one."""
    alike: dict[int, list[Base]] = {}
    for base in inside:
        alike.setdefault(id(base.content), []).append(base)
    for bases in alike.values():
        content = bases[0].content
        found = numbered([base.suffix for base in bases]) if len(bases) > 1 else None
        if found:
            stem, numbers = found
            entries = tuple(sorted(zip(numbers, (base.suffix for base in bases), strict=True)))
            yield Vector(snake(stem) or snake(content.stem), ClassRef("", ""), entries), content
        else:
            for base in bases:
                yield Child(snake(base.suffix) or snake(content.stem), ClassRef("", ""), base.suffix), content


def with_names(
    parts: Iterable[tuple[Member, Content]], signals: Signals, templates: frozenset[str]
) -> tuple[tuple[Member, Content], ...]:
    """Name vectors as ophyd-async does where it has the same ones, and make all names different."""
    reserved = motor_members() if signals.motor else device_members()
    names = Names(reserved=reserved, taken=(member.attribute for member in signals.members), what="device")
    shipped = {
        vector.entry: vector.attribute
        for known in classes_for_templates(templates)
        for vector in known.vectors.values()
    }
    named = []
    for part, content in parts:
        theirs = [shipped[path] for ref in content.signals.extended if (path := f"{ref.module}.{ref.name}") in shipped]
        attribute = theirs[0] if theirs and isinstance(part, Vector) else part.attribute
        named.append((replace(part, attribute=names.take(attribute)), content))
    return tuple(named)
