"""From contents to classes: variants named, shared bases found, each class written once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.packages import USUAL
from beamwright_generator.model import Child, ClassRef, DeviceType, Member, Signal, Vector
from beamwright_generator.parse.yaml.beamline_file import TemplateOverride
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.classes.class_members import ClassNames, ClassTypes
from beamwright_generator.resolve.classes.include_bases import Division
from beamwright_generator.resolve.classes.module_layout import Modules
from beamwright_generator.resolve.content.device_content import Content, Identity
from beamwright_generator.resolve.naming.identifiers import IMPORTED, Names, class_name, pascal
from beamwright_generator.resolve.signals.record_signals import MOTOR
from beamwright_generator.tables.ophyd_async_classes import unlike_shipped


@dataclass
class Classes:
    """Turns the contents of one run into device types.

    Contents are added first, because a class that others extend may hold only what all of them leave unchanged;
    `types` then gives every class once.
    """

    overrides: Mapping[str, TemplateOverride]
    problems: Problems
    package: str = USUAL
    _placed: dict[Identity, Content] = field(default_factory=dict)
    _all: dict[Identity, Content] = field(default_factory=dict)

    def add(self, content: Content) -> None:
        """Take up the content of a placed device, with everything that it extends or holds."""
        self._placed.setdefault(content.identity, content)
        self._take(content)

    def _take(self, content: Content) -> None:
        if content.identity in self._all or content.is_motor:
            return
        for base in content.bases:
            self._take(base.content)
        for _, part in content.parts:
            self._take(part)
        self._all[content.identity] = content

    def resolved(self) -> Resolved:
        """Name the classes and decide what each inherits."""
        contents = list(self._all.values())
        names = _name(contents, self.overrides, self.problems, self.package)
        division = Division(contents)
        while True:
            types = ClassTypes(contents, names, division, set(self._placed), _detectors(contents))
            made = types.made()
            if not types.clashes:
                break
            for user, base, attribute in types.clashes:
                division.take_out(user, base, attribute)
        self._say_what_is_divided(contents, names, division)
        for (_, left_out), user in types.copied.items():
            self.problems.note(
                "base-copied",
                user.at,
                f"{names.refs[user.identity].name} does not extend {left_out.name} and declares its records itself: "
                "another base extends the same classes in the opposite order, and Python refuses to have both",
                hint="some templates include the same files in opposite orders; use one order in all of them",
            )
        return Resolved(names.refs, made)

    def _say_what_is_divided(self, contents: Sequence[Content], names: ClassNames, division: Division) -> None:
        for content in contents:
            if removed := division.removed[content.identity]:
                self.problems.note(
                    "base-split",
                    content.at,
                    f"{names.refs[content.identity].name} keeps what all templates that include it leave unchanged in "
                    f"{names.shared[content.identity].name}",
                    detail=[f"changed by some: {', '.join(sorted(removed))}"],
                )


def _detectors(contents: Sequence[Content]) -> set[Identity]:
    found = {content.identity for content in contents if content.is_area_detector}
    for content in reversed(contents):  # users before what they include
        if content.identity in found:
            found |= {base.content.identity for base in content.bases}
    return found


def _name(
    contents: Sequence[Content], overrides: Mapping[str, TemplateOverride], problems: Problems, package: str
) -> ClassNames:
    """Return each content its class: named after the template, and by what differs where one has several shapes."""
    by_stem: dict[str, list[Content]] = {}
    for content in contents:
        by_stem.setdefault(content.stem, []).append(content)
    modules, names = Modules(contents), Names(joint="")
    refs: dict[Identity, ClassRef] = {}
    for stem, variants in by_stem.items():
        override = overrides.get(f"{variants[0].source.rpartition('/')[2]}")
        plain = (override.name if override else None) or class_name(stem) or "Records"
        for content, difference in zip(variants, _differences(variants), strict=True):
            wanted = plain + difference
            name = names.take(f"{wanted}Device" if wanted in IMPORTED else unlike_shipped(wanted, "Device"))
            if name != wanted:
                problems.note("name-collision", content.at, f"the class is called {name} because {wanted} exists")
            refs[content.identity] = ClassRef(f"{package}.devices.{modules.of[content.identity]}", name)
    return ClassNames.of_refs(refs, names)


def _differences(variants: Sequence[Content]) -> list[str]:
    """Say in a word how each shape of a template differs: by a macro, the transport, the folder, or a number."""
    if len(variants) == 1:
        return [""]
    macros = dict.fromkeys(name for content in variants for name in content.deciding)
    for macro in macros:
        values = [pascal(content.deciding.get(macro, "")) for content in variants]
        if len(set(values)) == len(values):
            return values
    transports = ["" if content.transport is Transport.CA else pascal(content.transport) for content in variants]
    if len(set(transports)) == len(transports):
        return transports
    folders = [pascal(content.source.rpartition("/")[0].rpartition("/")[2]) for content in variants]
    if len(set(folders)) == len(folders):
        return ["", *folders[1:]]
    return ["", *(str(number) for number in range(2, len(variants) + 1))]


@dataclass(frozen=True)
class Resolved:
    """Every class of a run.

    :param types: device modules by import path, classes after those they extend.
    """

    refs: Mapping[Identity, ClassRef]
    types: Mapping[str, tuple[DeviceType, ...]]

    def ref(self, content: Content) -> ClassRef:
        """Return the class of a placed device."""
        return MOTOR if content.is_motor else self.refs[content.identity]

    def modules(self) -> dict[str, tuple[DeviceType, ...]]:
        """Return the device modules, classes after those they extend."""
        return dict(self.types)


def in_one_module(modules: Mapping[str, Sequence[DeviceType]]) -> tuple[str, list[DeviceType]]:
    """Bring device types of several modules into one, each after those it extends."""
    types = {device.ref: device for devices in modules.values() for device in devices}
    placed: dict[ClassRef, DeviceType] = {}

    def place(device: DeviceType) -> None:
        held = [member.type for member in device.members if isinstance(member, Child | Vector)]
        for ref in (*device.bases, *held):
            if ref in types and ref not in placed:
                place(types[ref])
        placed.setdefault(device.ref, _moved(device, frozenset(modules)))

    for device in types.values():
        place(device)
    return "", list(placed.values())


def _moved(device: DeviceType, modules: Collection[str]) -> DeviceType:
    def here(ref: ClassRef) -> ClassRef:
        return ClassRef("", ref.name) if ref.module in modules else ref

    def moved(member: Member) -> Member:
        if isinstance(member, Signal):
            datatype = member.datatype
            return replace(member, datatype=here(datatype)) if isinstance(datatype, ClassRef) else member
        assert isinstance(member, Child | Vector)
        return replace(member, type=here(member.type))

    return replace(
        device,
        ref=here(device.ref),
        bases=tuple(here(base) for base in device.bases),
        members=tuple(moved(member) for member in device.members),
    )
