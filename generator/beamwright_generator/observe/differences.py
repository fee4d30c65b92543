"""What differs between running IOCs and what is committed, in words: for a terminal, a pipeline, a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from beamwright_generator.basics.grammar import counted, was
from beamwright_generator.observe.survey import SurveyResult, how_silent
from beamwright_generator.parse.yaml.observation_file import ENUM, Fact, Observations
from beamwright_generator.resolve.observed.disagreements import shown
from beamwright_generator.resolve.observed.promised_pvs import DescribedPv
from beamwright_generator.resolve.types.observed_types import contradicts

SECTIONS: Final = {
    "changed": "Changed",
    "missing": "Missing",
    "found": "Served again",
    "extra": "Extra: served, and in no description",
    "gone": "No longer served, and in no description",
    "new": "Not recorded yet",
}
"""The kinds of difference, in the order they are told."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One PV that differs: how, in words, with both sides."""

    kind: str
    pv: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind:8} {self.pv}{': ' if self.text else ''}{self.text}"


@dataclass(frozen=True, slots=True)
class SilentIoc:
    """An IOC that did not answer.

    :param optional: the beamline starts without any of the devices that were asked for.
    """

    ioc: str
    optional: bool
    lost: bool
    pvs: int

    def __str__(self) -> str:
        ioc = f"{self.ioc}{' (optional)' if self.optional else ''}"
        return f"{ioc} {how_silent(self.lost)}: {counted(self.pvs, 'PV')} {was(self.pvs)} asked for"


def changes(pvs: Sequence[DescribedPv], before: Observations | None, run: SurveyResult) -> list[Drift]:
    """Compare what runs with what is committed: the observations, or the descriptions where there are none.

    :param before: the committed observations; None when there is no file of them.
    """
    found: list[Drift] = []
    devices: dict[tuple[str, str], DescribedPv] = {}
    for pv in pvs:
        if pv.ioc not in run.asked or pv.ioc in run.down:
            continue
        devices.setdefault((pv.ioc, pv.device), pv)
        now = run.observations.fact(pv.ioc, pv.device, pv.transport, pv.leaf)
        old = before.fact(pv.ioc, pv.device, pv.transport, pv.leaf) if before is not None else None
        if now is not None:
            found += _change(pv, old, now, recorded=before is not None)
    for pv in devices.values():
        found += _extras(pv, before, run.observations)
    order = list(SECTIONS)
    return sorted(found, key=lambda change: order.index(change.kind))


def silent(pvs: Sequence[DescribedPv], run: SurveyResult) -> list[SilentIoc]:
    """List the IOCs that did not answer, by name."""
    by_ioc: dict[str, list[DescribedPv]] = {}
    for pv in pvs:
        by_ioc.setdefault(pv.ioc, []).append(pv)
    return [
        SilentIoc(ioc, all(pv.optional for pv in by_ioc[ioc]), ioc in run.lost, len(by_ioc[ioc]))
        for ioc in sorted(run.down)
    ]


def _change(pv: DescribedPv, old: Fact | None, now: Fact, *, recorded: bool) -> Iterator[Drift]:
    if old is None:
        described = shown(pv.expected)
        if now.missing:
            yield Drift("missing", pv.name, f"described at {pv.record.at}")
        elif contradicts(pv.expected, pv.record, now, pv.transport):
            yield Drift("changed", pv.name, f"{_both(described, str(now))}, described at {pv.record.at}")
        elif recorded:
            yield Drift("new", pv.name, str(now))
    elif now.missing and not old.missing:
        yield Drift("missing", pv.name, f"it was {old}")
    elif old.missing and not now.missing:
        yield Drift("found", pv.name, str(now))
    elif old != now:
        yield Drift("changed", pv.name, _in_words(old, now))


def _extras(pv: DescribedPv, before: Observations | None, after: Observations) -> Iterator[Drift]:
    known, found = (
        device.extra if one is not None and (device := one.device(pv.ioc, pv.device, pv.transport)) else {}
        for one in (before, after)
    )
    for leaf in dict.fromkeys((*known, *found)):
        name = pv.device + leaf
        if leaf not in known:
            yield Drift("extra", name, str(found[leaf]))
        elif leaf not in found:
            yield Drift("gone", name, f"it was {known[leaf]}")
        elif known[leaf] != found[leaf]:
            yield Drift("changed", name, _in_words(known[leaf], found[leaf]))


def _in_words(old: Fact, now: Fact) -> str:
    both = _both(str(old), str(now))
    if old.type != ENUM or now.type != ENUM:
        return both
    added = [choice for choice in now.choices if choice not in old.choices]
    removed = [choice for choice in old.choices if choice not in now.choices]
    words = [f"added {', '.join(added)}"] if added else []
    words += [f"removed {', '.join(removed)}"] if removed else []
    return f"{both} ({'; '.join(words) or 'the same states in another order'})"


def _both(old: str, now: str) -> str:
    return f"{old} -> {now}"


def markdown(name: str, found: Sequence[Drift], down: Sequence[SilentIoc]) -> str:
    """Write differences as a section of a report."""
    by_kind: dict[str, list[Drift]] = {}
    for change in found:
        by_kind.setdefault(change.kind, []).append(change)
    count = counted(len(found), "difference") if found else "no difference"
    lines = [f"### {name}: {count} between the running IOCs and what is committed"]
    for kind, title in SECTIONS.items():
        if kind in by_kind:
            lines += ["", f"**{title}**", ""]
            lines += [f"- `{change.pv}`{': ' if change.text else ''}{change.text}" for change in by_kind[kind]]
    if down:
        lines += ["", "**Not answering**", "", *(f"- {one}" for one in down)]
    return "\n".join(lines) + "\n"
