"""What the descriptions of a beamline promise, PV by PV, and what was observed of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from beamwright_generator.basics.choices import Transport
from beamwright_generator.model import Child, Vector
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.parse.yaml.observation_file import Fact, Observations
from beamwright_generator.resolve.content.device_content import Content
from beamwright_generator.resolve.devices.placed_instance import Seen
from beamwright_generator.resolve.types.datatype_rules import value_type
from beamwright_generator.resolve.types.kinds import Answer
from beamwright_generator.resolve.types.observed_types import ContentKey, FactsByContent, content_key
from beamwright_generator.resolve.types.template_record import TemplateRecord


@dataclass(frozen=True, slots=True)
class DescribedPv:
    """One PV that the descriptions promise.

    :param device: the PV prefix of its device; `leaf` is what follows.
    :param optional: the beamline starts without the device.
    :param expected: what the descriptions say about its value.
    :param key: the content that types it, with the suffix that it has there.
    """

    name: str
    leaf: str
    ioc: str
    device: str
    optional: bool
    transport: Transport
    record: TemplateRecord
    expected: Answer
    key: tuple[ContentKey, str]


def described_pvs(seen: Sequence[Seen], transport: Transport, optional: Mapping[str, bool]) -> Iterator[DescribedPv]:
    """List what the descriptions promise, in load order, each PV of an IOC once.

    :param transport: of IOCs that say none.
    :param optional: of devices that say for themselves, by prefix.
    """
    known: set[tuple[str, str]] = set()
    expected: dict[tuple[int, Transport], Answer] = {}
    for one in seen:
        ioc = one.instance.ioc
        over = ioc.transport or transport
        for content, prefix, record in records_below(one.content, one.prefix):
            name = _filled(one, prefix, record)
            if (ioc.name, name) in known:
                continue
            known.add((ioc.name, name))
            if (id(record), over) not in expected:
                expected[id(record), over] = value_type(record.type, record.fields, over, record.infos)
            yield DescribedPv(
                name,
                name.removeprefix(one.prefix),
                ioc.name,
                one.prefix,
                optional.get(one.prefix, ioc.optional),
                over,
                record,
                expected[id(record), over],
                (_key(content), record.leaf),
            )


def gather_facts(seen: Sequence[Seen], observations: Observations, transport: Transport) -> FactsByContent:
    """Gather, for each content and all that it includes, what was observed of its records on every device."""
    gathered: dict[tuple[Transport, ContentKey], dict[str, dict[str, Fact | None]]] = {}
    for one in seen:
        over = one.instance.ioc.transport or transport
        device = observations.device(one.instance.ioc.name, one.prefix, over)
        for content, prefix in _all_contents(one.content, one.prefix):
            facts = gathered.setdefault((over, _key(content)), {})
            for record in content.records:
                name = _filled(one, prefix, record)
                found = device.records.get(name.removeprefix(one.prefix)) if device else None
                facts.setdefault(record.leaf, {})[name] = found
    return {key: {leaf: tuple(found.values()) for leaf, found in facts.items()} for key, facts in gathered.items()}


def _key(content: Content) -> ContentKey:
    return content_key(content.source, content.prefix, content.deciding)


def _filled(one: Seen, prefix: str, record: TemplateRecord) -> str:
    if "$" not in record.leaf:
        return prefix + record.leaf
    return prefix + expand(record.leaf, MacroScope({**one.content.defaults, **one.instance.macros}))


def records_below(content: Content, prefix: str) -> Iterator[tuple[Content, str, TemplateRecord]]:
    """List the records of a content and of its parts, each with its own content and what stands before its leaf."""
    for record in content.records:
        yield content, prefix, record
    for part, suffix in _parts(content):
        yield from records_below(part, prefix + suffix)


def _all_contents(content: Content, prefix: str) -> Iterator[tuple[Content, str]]:
    yield content, prefix
    for base in content.bases:
        yield from _all_contents(base.content, prefix)
    for part, suffix in _parts(content):
        yield from _all_contents(part, prefix + suffix)


def _parts(content: Content) -> Iterator[tuple[Content, str]]:
    for member, part in content.parts:
        if isinstance(member, Child):
            yield part, member.suffix
        elif isinstance(member, Vector):
            yield from ((part, suffix) for _, suffix in member.entries)
