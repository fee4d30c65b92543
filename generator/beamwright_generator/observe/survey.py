"""One run of `gen observe`: asks running IOCs for what descriptions promise, and puts old facts to new ones."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.optional_packages import CA_PACKAGES, PVA_PACKAGES
from beamwright_generator.observe.beamline_pvs import BeamlinePvs
from beamwright_generator.observe.live_records import IocAnswer, IocQuery, Progress, read_iocs
from beamwright_generator.observe.missing_packages import report_not_installed
from beamwright_generator.parse.yaml.observation_file import MISSING, Fact, Observations, ObservedDevice, ObservedIoc
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.observed.promised_pvs import DescribedPv
from beamwright_generator.resolve.types.template_record import SETPOINT_TYPES

READBACK: Final = "_RBV"
"""What areaDetector and many others append to the name of a setpoint; see `readback_pairs.CONVENTIONS`."""


@dataclass(frozen=True)
class SurveyResult:
    """What one run found.

    :param observations: everything that is known now: new facts, and old ones of what was not asked or did not answer.
    :param asked: the IOCs that were asked.
    :param down: IOCs that did not answer, or went away meanwhile (`lost`).
    :param pvs: how many PVs the asked IOCs should serve, and how many of them answered.
    """

    observations: Observations
    asked: frozenset[str]
    down: frozenset[str]
    lost: frozenset[str]
    pvs: int
    answered: int


def observe_iocs(
    described: BeamlinePvs,
    only: str | None,
    timeout: float,
    at_once: int,
    progress: Progress,
    problems: Problems,
    *,
    check: bool = False,
) -> SurveyResult | None:
    """Survey the running IOCs, in an event loop of its own.

    The environment says where to search.

    :param only: a glob of IOC names or device prefixes; all others are not asked and keep their facts.
    :param timeout: seconds that each PV has to answer.
    :param at_once: PVs to read at the same time.
    :param check: nothing is to be recorded, so it is no error when all IOCs are optional and down.
    """
    pvs, before = described.pvs, described.before or Observations(described.name, {})
    chosen = [pv for pv in pvs if only is None or fnmatchcase(pv.ioc, only) or fnmatchcase(pv.device, only)]
    partners = _partners(pvs, {(pv.ioc, pv.device) for pv in chosen})
    asked: dict[str, IocQuery] = {}
    for pv in chosen:
        one = asked.setdefault(pv.ioc, IocQuery({}, {}))
        one.names[pv.name] = pv.transport
    for (ioc, _), names in partners.items():
        asked[ioc].perhaps.update(names)
    if not asked:
        what = f"no IOC or device of {described.name} matches {only}" if only else "there are no PVs to ask for"
        problems.error("observe-impossible", None, what, hint="a glob matches the whole name of an IOC, or a prefix")
        return None
    used = {over for one in asked.values() for over in (*one.names.values(), *one.perhaps.values())}
    if report_not_installed(_packages(used), problems):
        return None
    answers = asyncio.run(read_iocs(asked, timeout, at_once, progress))
    down = frozenset(ioc for ioc, found in answers.items() if found.down)
    lost = frozenset(ioc for ioc, found in answers.items() if found.lost)
    known = _Knowledge(before, answers, {(pv.ioc, pv.name) for pv in chosen}, partners)
    answered = sum((pv.name in answers[pv.ioc].facts) for pv in chosen)
    needed = {pv.ioc for pv in chosen if not pv.optional}
    nothing = len(down) == len(asked) and not (check and needed.isdisjoint(down))
    _report_silent(down, lost, problems, nothing=nothing)
    return SurveyResult(
        Observations(described.name, known.iocs(pvs)), frozenset(asked), down, lost, len(chosen), answered
    )


def _packages(transports: Collection[Transport]) -> tuple[str, ...]:
    ca, pva = (over in transports for over in (Transport.CA, Transport.PVA))
    return (*(CA_PACKAGES if ca else ()), *(PVA_PACKAGES if pva else ()))


def _report_silent(down: Collection[str], lost: Collection[str], problems: Problems, *, nothing: bool) -> None:
    if nothing:
        problems.error(
            "observe-impossible",
            None,
            f"no IOC answers: {', '.join(sorted(down))}",
            hint="do they run, and do EPICS_CA_ADDR_LIST or EPICS_PVA_ADDR_LIST lead to them?",
        )
        return
    for ioc in sorted(down):
        message = f"{ioc} {how_silent(ioc in lost)}"
        problems.warning("observe-partial", None, message, hint="what was known about it is kept")


def how_silent(lost: bool) -> str:
    """Say, after the name of an IOC, in which way it did not answer."""
    return "went away while it was asked" if lost else "does not answer"


def _partners(
    pvs: Sequence[DescribedPv], devices: Collection[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Transport]]:
    """Name PVs that may be there though no description has them: the other side of `_RBV` pairs, and PVI.

    Nothing lists the names that CA serves, so only names that follow from others can be asked for.
    """
    names = {(pv.ioc, pv.name) for pv in pvs}
    found: dict[tuple[str, str], dict[str, Transport]] = {}
    for pv in pvs:
        if (pv.ioc, pv.device) not in devices:
            continue
        guesses = [f"{pv.device}PVI"] if pv.transport is Transport.PVA else []
        if pv.name.endswith(READBACK):
            guesses.append(pv.name.removesuffix(READBACK))
        elif pv.record.type in SETPOINT_TYPES:
            guesses.append(pv.name + READBACK)
        for guess in guesses:
            if (pv.ioc, guess) not in names and len(guess) > len(pv.device):
                found.setdefault((pv.ioc, pv.device), {})[guess] = pv.transport
    return found


@dataclass(frozen=True)
class _Knowledge:
    """New facts, and old ones in place of those that could not be had."""

    before: Observations
    answers: Mapping[str, IocAnswer]
    asked: Collection[tuple[str, str]]
    partners: Mapping[tuple[str, str], Mapping[str, Transport]]

    def iocs(self, pvs: Sequence[DescribedPv]) -> dict[str, ObservedIoc]:
        by_ioc: dict[str, dict[str, list[DescribedPv]]] = {}
        for pv in pvs:
            by_ioc.setdefault(pv.ioc, {}).setdefault(pv.device, []).append(pv)
        return {ioc: self._ioc(ioc, devices) for ioc, devices in sorted(by_ioc.items())}

    def _ioc(self, ioc: str, devices: Mapping[str, Sequence[DescribedPv]]) -> ObservedIoc:
        answer = self.answers.get(ioc)
        old = self.before.iocs.get(ioc)
        seen = not answer.down if answer is not None else old is not None and old.seen
        return ObservedIoc(seen, {prefix: self._device(ioc, prefix, pvs) for prefix, pvs in devices.items()})

    def _device(self, ioc: str, prefix: str, pvs: Sequence[DescribedPv]) -> ObservedDevice:
        over = pvs[0].transport
        records = {pv.leaf: fact for pv in pvs if (fact := self._fact(pv)) is not None}
        return ObservedDevice(over, records, self._extra(ioc, prefix, over, any(map(self._is_new, pvs))))

    def _is_new(self, pv: DescribedPv) -> bool:
        answer = self.answers.get(pv.ioc)
        return answer is not None and not answer.down and (pv.ioc, pv.name) in self.asked

    def _fact(self, pv: DescribedPv) -> Fact | None:
        if self._is_new(pv):
            return self.answers[pv.ioc].facts.get(pv.name, Fact(MISSING))
        return self.before.fact(pv.ioc, pv.device, pv.transport, pv.leaf)

    def _extra(self, ioc: str, prefix: str, over: Transport, new: bool) -> Mapping[str, Fact]:
        if not new:
            old = self.before.device(ioc, prefix, over)
            return old.extra if old is not None else {}
        facts = self.answers[ioc].facts
        names = self.partners.get((ioc, prefix), {})
        return {name.removeprefix(prefix): facts[name] for name in names if name in facts}
