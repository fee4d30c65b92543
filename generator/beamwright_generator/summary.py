"""What a change of descriptions means for plans, as Markdown for a pull request; breaking changes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from beamwright_generator.interface import Attribute, Interface, read_interface
from beamwright_generator.wording import counted


@dataclass(frozen=True, slots=True)
class Change:
    """One change as one phrase.

    :param kind: ``removed``, ``renamed``, ``retyped`` or ``added``; all but the last break plans.
    """

    kind: str
    text: str


BREAKING = ("removed", "renamed", "retyped")


def summarise(name: str, files: Mapping[str, str], before: Mapping[str, str | None]) -> str:
    """Compare generated texts with what stood on disk.

    :param files: every text that the beamline has now.
    :param before: for each path that differs, the text on disk; None when there was no file.
    """
    old = {path: text for path, text in files.items() if path not in before}
    old |= {path: text for path, text in before.items() if text is not None}
    return markdown(name, list(changes(read_interface(old), read_interface(files))))


def markdown(name: str, found: list[Change]) -> str:
    """Write changes as a section of a pull request."""
    breaking = [change for change in found if change.kind in BREAKING]
    if not found:
        return f"### {name}: no change for plans\n"
    lines = [f"### {name}: {len(breaking):,} breaking, {counted(len(found) - len(breaking), 'compatible change')}"]
    for kind in (*BREAKING, "added"):
        texts = [change.text for change in found if change.kind == kind]
        if texts:
            lines.append("")
            lines.append(f"**{kind.capitalize()}**{' (breaking)' if kind in BREAKING else ''}")
            lines.append("")
            lines += [f"- {text}" for text in texts]
    return "\n".join(lines) + "\n"


def changes(old: Interface, new: Interface) -> Iterator[Change]:
    """Find what changed between two interfaces."""
    yield from _factories(old, new)
    yield from _classes(old, new)
    yield from _enums(old, new)


def _factories(old: Interface, new: Interface) -> Iterator[Change]:
    gone = {name: factory for name, factory in old.factories.items() if name not in new.factories}
    come = {name: factory for name, factory in new.factories.items() if name not in old.factories}
    for name, factory in gone.items():
        now = next((n for n, f in come.items() if f.prefix and f.prefix == factory.prefix), None)
        if now is not None:
            come.pop(now)
            yield Change("renamed", f"device `{name}` -> `{now}` (`{factory.prefix}`)")
        else:
            yield Change("removed", f"device `{name}: {factory.type}`")
    for name, factory in come.items():
        yield Change("added", f"device `{name}: {factory.type}`")
    for name, factory in old.factories.items():
        now_there = new.factories.get(name)
        if now_there is not None and now_there.type != factory.type:
            yield Change("retyped", f"device `{name}`: `{factory.type}` -> `{now_there.type}`")


def _classes(old: Interface, new: Interface) -> Iterator[Change]:
    for name in sorted(old.classes.keys() - new.classes.keys()):
        yield Change("removed", f"class `{name}`")
    for name in sorted(new.classes.keys() - old.classes.keys()):
        yield Change("added", f"class `{name}` with {counted(len(new.attributes_of(name)), 'attribute')}")
    for name in sorted(old.classes.keys() & new.classes.keys()):
        # An attribute that a base brought is told once, for the base.
        inherited = {a for base in new.classes[name].bases for a in new.attributes_of(base)}
        inherited &= {a for base in old.classes[name].bases for a in old.attributes_of(base)}
        before = {a: v for a, v in old.attributes_of(name).items() if a not in inherited}
        after = {a: v for a, v in new.attributes_of(name).items() if a not in inherited}
        yield from _attributes(name, before, after)


def _attributes(name: str, before: Mapping[str, Attribute], after: Mapping[str, Attribute]) -> Iterator[Change]:
    come = {attribute: value for attribute, value in after.items() if attribute not in before}
    for attribute, value in before.items():
        now = after.get(attribute)
        if now is None:
            other = next((n for n, v in come.items() if v.pvs and v.pvs == value.pvs), None)
            if other is None:
                yield Change("removed", f"`{name}.{attribute}: {value.type}`")
            else:
                come.pop(other)
                same = " (same PV)" if after[other].type == value.type else f", `{value.type}` -> `{after[other].type}`"
                yield Change("renamed", f"`{name}.{attribute}` -> `{other}`{same}")
        elif now.type != value.type:
            yield Change("retyped", f"`{name}.{attribute}`: `{value.type}` -> `{now.type}`")
        elif now.pvs != value.pvs:
            yield Change("retyped", f"`{name}.{attribute}`: PV `{', '.join(value.pvs)}` -> `{', '.join(now.pvs)}`")
    for attribute, value in come.items():
        yield Change("added", f"`{name}.{attribute}: {value.type}`")


def _enums(old: Interface, new: Interface) -> Iterator[Change]:
    for name in sorted(old.enums.keys() & new.enums.keys()):
        before, after = old.enums[name], new.enums[name]
        for member, text in before.items():
            if member not in after:
                renamed = next((m for m, t in after.items() if t == text and m not in before), None)
                kind, then = ("renamed", f" -> `{renamed}`") if renamed else ("removed", "")
                yield Change(kind, f"enum member `{name}.{member}` ({text}){then}")
            elif after[member] != text:
                yield Change("retyped", f"enum member `{name}.{member}`: {text} -> {after[member]}")
        for member, text in after.items():
            if member not in before and text not in before.values():
                yield Change("added", f"enum member `{name}.{member}` ({text})")
