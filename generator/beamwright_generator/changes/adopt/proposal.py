"""What is proposed in place of a hand-written class, as a person reads it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from beamwright_generator.basics.source_text import Position
from beamwright_generator.changes.adopt.candidate import LEAST_COVERED, Adoption, adopt, best_class
from beamwright_generator.changes.adopt.handwritten_class import HandwrittenClass, find_class
from beamwright_generator.changes.diff.renames import Successors
from beamwright_generator.changes.diff.versions import Side
from beamwright_generator.changes.interface.device_interface import Interface, entry_type
from beamwright_generator.changes.interface.elements import Member
from beamwright_generator.changes.interface.module_reader import read_interface
from beamwright_generator.problems import Problems


@dataclass(frozen=True)
class Proposal:
    """Which class replaces another.

    :param file: that defines the hand-written class.
    """

    file: Path
    text: str
    successors: Successors


def propose(target: str, by: str | None, tree: Side, problems: Problems) -> Proposal | None:
    """Find what replaces ``MODULE:CLASS``; None when nothing does.

    :param by: what the user wants it to be: ``BEAMLINE/DEVICE``, a beamline, a class.
    """
    generated = read_interface(tree.files, tree.package)
    hand = find_class(target, problems)
    candidates = list(_candidates(by, generated, tree.package)) if hand else []
    if hand is None:
        return None
    if not candidates:
        problems.error("class-missing", None, f"{by} is no generated class, no device and no beamline of {tree.name}")
        return None
    now, covered = best_class(hand.interface, hand.name, generated, candidates)
    if not now or (covered < LEAST_COVERED and len(candidates) > 1):
        best = f"; {now} has most, {covered:.0%}" if now else ""
        problems.error(
            "adopt-unlike",
            _at(hand),
            f"no generated class has half of the PVs of {hand.name}{best}",
            hint="name the class or the device with --with",
        )
        return None
    adoptions, successors = adopt(hand.interface, hand.name, generated, now)
    for one in adoptions:
        _report(one, hand, generated, problems)
    text = "\n".join(line for one in adoptions for line in _lines(one, successors))
    return Proposal(hand.file, f"{text}\n", successors)


def _candidates(by: str | None, generated: Interface, package: str) -> Iterable[str]:
    if by is None:
        return generated.classes
    beamline, slash, device = by.partition("/")
    module = f"{package}.beamlines.{beamline}"
    placed = [f for f in generated.factories.values() if f.module == module and (not slash or f.short == device)]
    if placed:
        names = [entry_type(factory.type).name for factory in placed]
        # A detector or a group may stand for the class, or one of its parts may.
        around = [name for name in names if ".beamlines." in name]
        parts = [entry_type(m.type).name for name in around for m in generated.members_of(name).values()]
        return [name for name in dict.fromkeys([*names, *parts]) if name in generated.classes]
    wanted = by.replace(":", ".")
    return [name for name in generated.classes if name == wanted or name.endswith(f".{wanted}")]


def _at(hand: HandwrittenClass) -> Position:
    return Position(_shown(hand.file), hand.interface.classes[hand.name].line)


def _shown(file: Path) -> str:
    return Path(os.path.relpath(file)).as_posix()


def _report(one: Adoption, hand: HandwrittenClass, generated: Interface, problems: Problems) -> None:
    """Report what the generated class does not have."""
    known = hand.interface.classes[one.name]
    file = _shown(hand.file)
    for attribute, member in one.before.items():
        if attribute not in one.pairs:
            pvs = f" ({', '.join(member.pvs)})" if member.pvs else ""
            problems.warning(
                "adopt-lost",
                Position(file, member.line or known.line),
                f"{one.now} has nothing for {attribute}{pvs}",
                hint="add the record to the description, or the attribute to a subclass of the generated class",
            )
    lost = [method for method in known.methods if method not in one.after]
    needed = [argument for argument in known.required if argument not in generated.classes[one.now].required]
    for what, names in (("the methods", lost), ("the arguments", needed)):
        if names:
            problems.warning(
                "adopt-lost",
                Position(file, known.line),
                f"{one.now} has not {what} {', '.join(names)}",
                hint="derive a class from the generated one for them",
            )


def _lines(one: Adoption, successors: Successors) -> Iterator[str]:
    """Tell how the members of one class are called in the other."""
    found, every = one.covered
    prefix = f"; its prefix ends with {one.offset} besides" if one.offset else ""
    yield f"{one.name} -> {one.now} ({found} of {every} members with PVs{prefix})"
    width = max(map(len, one.before), default=0)
    for attribute, member in one.before.items():
        now = one.pairs.get(attribute, "")
        yield f"  {attribute:{width}}  {now or '-':{width}}  {_told(member, one.after.get(now), successors)}".rstrip()
    more = [name for name in one.after if name not in one.pairs.values()]
    if more:
        yield f"  and {len(more)} more: {', '.join(more[:6])}{', ...' if len(more) > 6 else ''}"


def _told(before: Member, after: Member | None, successors: Successors) -> str:
    pvs = ", ".join(before.pvs)
    if after is None:
        return pvs
    same = before.type.renamed(lambda name: successors.of(name) or name) == after.type
    return f"{pvs}  {'' if same else f'{before.type} -> {after.type}'}".rstrip()
