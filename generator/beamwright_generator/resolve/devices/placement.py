"""Placed devices: a name, a policy and a docstring for everything that the IOCs serve."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase, translate

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.text_prefix import text_prefix
from beamwright_generator.model import (
    ClassRef,
    Detector,
    Device,
    DevicePart,
    Group,
    NumberedDevices,
    PlacedDevice,
    Placement,
)
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.parse.yaml.beamline_file import (
    DeviceOverride,
    GroupOverride,
    Overrides,
)
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.classes.device_classes import Resolved
from beamwright_generator.resolve.devices.detector_plugins import Composition, compose
from beamwright_generator.resolve.devices.placed_instance import Seen
from beamwright_generator.resolve.naming.identifiers import IMPORTED, Names, class_name, pascal, snake
from beamwright_generator.resolve.naming.prefixes import SEPARATORS
from beamwright_generator.resolve.signals.record_signals import MOTOR
from beamwright_generator.tables.ophyd_async_classes import device_members

_RESERVED = frozenset({"devices"})


@dataclass
class Placing:
    """Turns what was seen in the IOCs into the devices of the beamline module, in load order.

    :param readable: classes that take part in the documents of a run.
    :param writers: classes that write files by themselves.
    """

    project: BeamlineProject
    classes: Resolved
    readable: frozenset[ClassRef]
    writers: frozenset[ClassRef] = frozenset()
    _names: Names = field(default_factory=lambda: Names(reserved=_RESERVED, what="device"))
    _class_names: Names = field(init=False)
    _group_names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {ref.name for ref in self.classes.refs.values()}
        self._class_names = Names(taken=IMPORTED | known, joint="")

    def place(self, seen: Sequence[Seen]) -> tuple[PlacedDevice, ...]:
        """Give each device its factory; those of a detector or a group share one."""
        kept = [one for one in seen if is_placed(one.prefix, self.project.beamline.overrides)]
        common = self._said_by_all([one.prefix for one in kept])
        self._group_names = {name: self._names.take(name) for name in self.project.beamline.overrides.groups}
        placed: list[tuple[int, PlacedDevice]] = []
        used: set[int] = set()
        order = {id(one): number for number, one in enumerate(kept)}
        for name, members in self._grouped(kept):
            used |= {id(one) for one in members.values()}
            first = min(order[id(one)] for one in members.values())
            placed.append((first, self._group(name, self.project.beamline.overrides.groups[name], members)))
        free = [one for one in kept if id(one) not in used]
        for composition in compose(free):
            if not composition.plugins or id(composition.driver) in used:
                continue
            used |= {id(one) for one in (composition.driver, *composition.plugins)}
            placed.append((order[id(composition.driver)], self._detector(composition, common)))
        for alike in _alike([one for one in free if id(one) not in used]):
            placed.append((order[id(alike[0])], self._alone(alike, common)))
        self._report_unused(kept)
        return tuple(device for _, device in sorted(placed, key=lambda entry: entry[0]))

    def _said_by_all(self, prefixes: Sequence[str]) -> str:
        """Give the part of prefixes that says nothing about one device: the beamline's title, or what all share."""
        title = self.project.beamline.title
        if title and any(prefix.startswith(title) for prefix in prefixes):
            return title
        common = text_prefix(prefixes) if len(prefixes) > 1 else ""
        while common:
            common = common[: max(common.rfind(separator) for separator in SEPARATORS) + 1]
            if not any(prefix[len(common) :][:1].isdigit() for prefix in prefixes):
                break
            common = common[:-1]  # a number says nothing without the word before it
        return common

    # -- what the beamline file says

    def _override(self, prefix: str) -> DeviceOverride:
        return self.project.beamline.overrides.devices.get(prefix, _NO_OVERRIDE)

    def _report_unused(self, kept: Sequence[Seen]) -> None:
        known = {one.prefix for one in kept} | {composition.prefix for composition in compose(kept)}
        for prefix, override in self.project.beamline.overrides.devices.items():
            if prefix not in known and not override.skip:
                self.project.problems.warning(
                    "override-unused",
                    self.project.positions.of("overrides", "devices", prefix),
                    f"no device has the prefix {prefix}",
                    hint="`gen beamline` names devices by the prefix that all their records share",
                )

    def _grouped(self, seen: Sequence[Seen]) -> Iterator[tuple[str, dict[str, Seen]]]:
        by_prefix = {one.prefix: one for one in reversed(seen)}
        for name, group in self.project.beamline.overrides.groups.items():
            wanted = dict(group.devices)
            if group.match:
                pattern = re.compile(translate(group.match).replace(".*", "(.*)"))
                for one in seen:
                    if found := pattern.match(one.prefix):
                        wanted.setdefault(snake(" ".join(found.groups())) or snake(one.prefix), one.prefix)
            at = self.project.positions.of("overrides", "groups", name)
            for member, prefix in wanted.items():
                if prefix not in by_prefix:
                    self.project.problems.error(
                        "group-member-unknown", at, f"{name}.{member}: no device has the prefix {prefix}"
                    )
            members = {member: by_prefix[prefix] for member, prefix in wanted.items() if prefix in by_prefix}
            if members:
                yield name, members
            elif not wanted:
                self.project.problems.error("group-member-unknown", at, f"the group {name} has no members")

    # -- one placed device of each kind

    def _group(self, name: str, override: GroupOverride, members: Mapping[str, Seen]) -> Group:
        names = Names(reserved=device_members(), what="device")
        parts = tuple(self._part(names.take(member), one) for member, one in members.items())
        iocs = dict.fromkeys(one.instance.ioc.name for one in members.values())
        first = next(iter(members.values()))
        place = Placement(
            self._group_names[name],
            override.doc or f"{pascal(name)}: {', '.join(part.attribute for part in parts)}",
            ", ".join(iocs),
            override.policy or first.instance.ioc.policy or self.project.beamline.policy,
            override.optional or any(one.instance.ioc.optional for one in members.values()),
            at=first.instance.at,
        )
        return Group(place, self._class_name(name, "Group"), parts)

    def _place(self, name: str, doc: str, override: DeviceOverride, one: Seen) -> Placement:
        ioc = one.instance.ioc
        return Placement(
            name,
            doc,
            ioc.name,
            override.policy or ioc.policy or self.project.beamline.policy,
            ioc.optional if override.optional is None else override.optional,
            override.timeout,
            one.instance.at,
        )

    def _class_name(self, name: str, kind: str) -> str:
        """Name the class of a group or detector after it; by its kind as well where another class has that name."""
        plain = pascal(name)
        return self._class_names.take(plain + kind if plain in self._class_names else plain)

    def _part(self, attribute: str, one: Seen) -> DevicePart:
        ref = self.classes.ref(one.content)
        return DevicePart(attribute, ref, addressed(one), one.arguments, self._doc(one), self._is_readable(ref))

    def _is_readable(self, ref: ClassRef) -> bool:
        return ref == MOTOR or ref in self.readable

    def _detector(self, composition: Composition, common: str) -> Detector:
        driver = composition.driver
        override = self._override(composition.prefix)
        if override is _NO_OVERRIDE:
            override = self._override(driver.prefix)
        name = self._name(override, composition.prefix, common, driver)
        plugins = tuple(
            self._part(composition.attributes[id(one)], one)
            for one in composition.plugins
            if one is not composition.writer
        )
        writer = composition.writer
        doc = f"{override.doc or class_name(driver.content.stem)}; {composition.chain}"
        return Detector(
            self._place(name, doc, override, driver),
            self._class_name(name, "Detector"),
            self._part(composition.attributes[id(driver)], driver),
            self._part(composition.attributes[id(writer)], writer) if writer else None,
            plugins,
            composition.frames,
        )

    def _alone(self, alike: Sequence[Seen], common: str) -> PlacedDevice:
        one = alike[0]
        override = self._override(one.prefix)
        place = self._place(self._name(override, one.prefix, common, one), self._doc(one), override, one)
        ref = self.classes.ref(one.content)
        if len(alike) > 1:
            entries = tuple(sorted((int(other.arguments[0][1]), other.arguments) for other in alike))
            return NumberedDevices(place, ref, addressed(one), entries)
        return Device(place, ref, addressed(one), one.arguments, ref in self.writers)

    def _name(self, override: DeviceOverride, prefix: str, common: str, one: Seen) -> str:
        wanted = override.name or snake(prefix.removeprefix(common)) or snake(prefix) or snake(one.content.stem)
        told_apart = wanted
        if wanted in self._names and not override.name:
            told_apart = f"{wanted}_{snake(one.content.stem)}"
        name = self._names.take(told_apart)
        if name not in (wanted, self._names.allowed(wanted)):
            self.project.problems.note(
                "name-collision",
                one.instance.at,
                f"the device at {prefix} is called {name} because there is another {wanted}",
                hint="give it a `name` under overrides/devices in the beamline file",
            )
        return name

    def _doc(self, one: Seen) -> str:
        given = self._override(one.prefix).doc
        if given:
            return given
        desc = expand(one.content.desc, MacroScope(one.instance.macros))
        if desc.strip() and "$(" not in desc:
            return " ".join(desc.split())
        return f"Records of {one.content.source.rpartition('/')[2]}"


def addressed(one: Seen) -> str:
    """Give what a constructor gets: the prefix with its protocol, where that is not Channel Access."""
    transport = one.content.transport
    prefix = one.prefix if one.start is None else one.start
    return prefix if transport is Transport.CA else f"{transport}://{prefix}"


def is_placed(prefix: str, overrides: Overrides) -> bool:
    """Tell whether the beamline has the device at a prefix, and its file does not leave it out."""
    kept = not overrides.include or any(fnmatchcase(prefix, glob) for glob in overrides.include)
    left_out = any(fnmatchcase(prefix, glob) for glob in overrides.exclude)
    return kept and not left_out and not overrides.devices.get(prefix, _NO_OVERRIDE).skip


def _alike(seen: Sequence[Seen]) -> Iterator[list[Seen]]:
    """Bring together what is one class at one prefix and differs in the number that its one parameter has."""
    families: dict[tuple[object, ...], list[Seen]] = {}
    for one in seen:
        numbered = len(one.arguments) == 1 and one.arguments[0][1].isdecimal()
        key = (one.content.identity, one.prefix) if numbered else (id(one),)
        families.setdefault(key, []).append(one)
    for family in families.values():
        numbers = {one.arguments for one in family}
        if len(numbers) == len(family):
            yield family
        else:
            yield from ([one] for one in family)


_NO_OVERRIDE = DeviceOverride()
