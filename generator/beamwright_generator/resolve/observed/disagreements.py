"""Where descriptions and observations of the running IOCs disagree, reported with both places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from beamwright_generator.basics.choices import PVA_CODES
from beamwright_generator.basics.grammar import counted, was
from beamwright_generator.parse.yaml.observation_file import Fact, Observations, ObservedDevice
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.observed.promised_pvs import DescribedPv
from beamwright_generator.resolve.types.kinds import Answer, Kind, Served
from beamwright_generator.resolve.types.observed_types import contradicts, native

MOST_NAMED: Final = 12
"""Names that one problem lists."""

_PVA_NAMES: Final = {
    **{code: name for name, code in PVA_CODES.items()},
    **{f"a{code}": f"{name}[]" for name, code in PVA_CODES.items()},
}


def report_disagreements(pvs: Sequence[DescribedPv], observations: Observations, problems: Problems) -> None:
    """Report contradictions, what is missing, what differs among devices of a class, and what nobody describes."""
    found = [(pv, fact) for pv in pvs if (fact := observations.fact(pv.ioc, pv.device, pv.transport, pv.leaf))]
    _contradictions(found, problems)
    _missing(found, problems)
    _different(found, problems)
    _devices(pvs, observations, problems)


def shown(answer: Answer) -> str:
    """Show what a description says about a value: its states, or its native type."""
    if not isinstance(answer, Served):
        return "nothing certain"
    if answer.kind is Kind.DRIVER_STATES:
        return "states that its driver brings, or a whole number"
    if answer.native in ("ENUM", "NTEnum"):
        return ", ".join(state or "(blank)" for state in answer.states) or "no choices"
    return _PVA_NAMES.get(answer.native, answer.native)


def _contradictions(found: Sequence[tuple[DescribedPv, Fact]], problems: Problems) -> None:
    alike: dict[tuple[object, ...], list[tuple[DescribedPv, Fact]]] = {}
    for pv, fact in found:
        if contradicts(pv.expected, pv.record, fact, pv.transport):
            key = (pv.record.at, pv.expected, native(fact, pv.transport), fact.choices)
            alike.setdefault(key, []).append((pv, fact))
    for several in alike.values():
        pv, fact = several[0]
        names = [other.name for other, _ in several]
        problems.warning(
            "observed-contradiction",
            pv.record.at,
            f"{pv.leaf or pv.name} is described otherwise than {_named(names)} {was(len(names))} observed",
            detail=[
                f"described  {shown(pv.expected)}  ({pv.record.at})",
                *(f"observed   {other}  ({other.at})" for _, other in several[:MOST_NAMED]),
            ],
            hint="the description is used; correct it, or run `gen observe` again if the IOC has changed since",
        )


def _missing(found: Sequence[tuple[DescribedPv, Fact]], problems: Problems) -> None:
    by_device: dict[tuple[str, str], list[tuple[DescribedPv, Fact]]] = {}
    for pv, fact in found:
        if fact.missing:
            by_device.setdefault((pv.ioc, pv.device), []).append((pv, fact))
    for (ioc, device), several in by_device.items():
        first = several[0][0]
        count = "a record" if len(several) == 1 else counted(len(several), "record")
        problems.warning(
            "observed-missing",
            first.record.at,
            f"{ioc} does not serve {count} of {device}, so the device cannot connect",
            detail=[f"{pv.leaf or pv.name}  described at {pv.record.at}, missing at {fact.at}" for pv, fact in several],
            hint="correct the description, leave them out with `exclude`, or run `gen observe` again",
        )


def _different(found: Sequence[tuple[DescribedPv, Fact]], problems: Problems) -> None:
    by_record: dict[object, list[tuple[DescribedPv, Fact]]] = {}
    for pv, fact in found:
        if not fact.missing and not _is_decided(pv.expected):
            by_record.setdefault((pv.key, pv.transport), []).append((pv, fact))
    for several in by_record.values():
        kinds: dict[object, tuple[DescribedPv, Fact]] = {}
        for pv, fact in several:
            kinds.setdefault((native(fact, pv.transport), fact.choices), (pv, fact))
        if len(kinds) > 1:
            first = several[0][0]
            problems.note(
                "observed-differently",
                first.record.at,
                f"{first.record.leaf or first.name} is served differently by devices of one class, so it stays open",
                detail=[f"{pv.name}  {fact}  ({fact.at})" for pv, fact in kinds.values()],
            )


def _is_decided(expected: Answer) -> bool:
    return isinstance(expected, Served) and not expected.driver_states


def _devices(pvs: Sequence[DescribedPv], observations: Observations, problems: Problems) -> None:
    described: dict[tuple[str, str], set[str]] = {}
    for pv in pvs:
        described.setdefault((pv.ioc, pv.device), set()).add(pv.leaf)
    for ioc, prefix, device in _observed(observations):
        if device.extra:
            problems.note(
                "observed-extra",
                device.at,
                f"{ioc} serves {_named([prefix + leaf for leaf in device.extra])}, which no description has",
            )
        gone = [leaf for leaf in device.records if leaf not in described.get((ioc, prefix), ())]
        if gone:
            problems.note(
                "observation-unused",
                device.records[gone[0]].at,
                f"no description of {ioc} has {_named([prefix + leaf for leaf in gone])}",
                hint="`gen observe` forgets what is no longer described",
            )


def _observed(observations: Observations) -> Iterator[tuple[str, str, ObservedDevice]]:
    for name, ioc in observations.iocs.items():
        for prefix, device in ioc.devices.items():
            yield name, prefix, device


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
