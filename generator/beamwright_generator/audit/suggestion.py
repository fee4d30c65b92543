"""What a class probably meant by a PV that is not there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from beamwright_generator.audit.record_set import RecordSet
from beamwright_generator.resolve.naming.identifiers import snake
from beamwright_generator.resolve.types.template_record import TemplateRecord

RBV = "_RBV"


@dataclass(frozen=True)
class Guess:
    """Why a PV is not there.

    :param leaf: the record that was probably meant; empty where none comes to mind.
    """

    hint: str
    leaf: str = ""


def guess(attribute: str, leaf: str, leaves: Mapping[str, TemplateRecord], description: RecordSet) -> Guess:
    """Guess what was meant.

    :param attribute: what the class calls the signal.
    :param leaf: the record that is not there, after the prefix.
    :param leaves: the records that are there.
    """
    if leaf.endswith(2 * RBV) and leaf.removesuffix(RBV) in leaves:
        meant = leaf.removesuffix(RBV)
        return Guess(f"{RBV} is added twice: write PvSuffix({meant!r}), or PvSuffix.rbv without {RBV}", meant)
    if leaf.endswith(RBV) and leaf.removesuffix(RBV) in leaves:
        meant = leaf.removesuffix(RBV)
        return Guess(f"there is {meant} without a readback: write PvSuffix({meant!r})", meant)
    if leaf + RBV in leaves:
        return Guess(f"there is only the readback: declare a SignalR on {leaf + RBV}", leaf + RBV)
    if same := next((one for one in leaves if one and _bare(one) == _bare(leaf)), ""):
        return Guess(f"is {same} meant?", same)
    if like := likely(attribute, leaf, leaves):
        return Guess(f"is {like} meant?", like)
    if elsewhere := description.neighbours.get(leaf, ""):
        return Guess(f"{elsewhere} has such a record: is this the class of another database, or of another prefix?")
    return Guess("see whether another version of the database has it; a signal that only some have has to be optional")


def likely(attribute: str, leaf: str, leaves: Iterable[str]) -> str:
    """Name the record that an attribute is called after, or that is spelt almost like another; empty for none."""
    wanted = attribute.rpartition(".")[2].partition("[")[0].rstrip("_").removesuffix("_record")
    side = RBV if leaf.endswith(RBV) else ""
    known = list(leaves)
    for one in known:
        if one.endswith(RBV) == bool(side) and snake(one.removesuffix(RBV)).removesuffix("_record") == wanted:
            return one
    near = difflib.get_close_matches(leaf, [one for one in known if one.endswith(RBV) == bool(side)], 1, 0.8)
    return near[0] if near else ""


def _bare(leaf: str) -> str:
    return re.sub(r"[^a-z0-9]", "", leaf.lower())
