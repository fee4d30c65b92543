"""The whole of resolving: from a beamline file, or one template, to the model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beamwright_generator.basics.choices import Transport
from beamwright_generator.model import BeamlineModule, ClassRef, DeviceType, Model
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import MacroScope
from beamwright_generator.parse.search_path import find_file
from beamwright_generator.parse.yaml.beamline_file import BeamlineFile, BeamlinePositions, TemplateOverride
from beamwright_generator.parse.yaml.observation_file import Observations
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.classes.device_classes import Classes, Resolved
from beamwright_generator.resolve.content.content_cache import Contents
from beamwright_generator.resolve.content.device_content import Content
from beamwright_generator.resolve.devices.placed_instance import Seen
from beamwright_generator.resolve.devices.placement import Placing, is_placed
from beamwright_generator.resolve.devices.template_instances import Instance, Instances
from beamwright_generator.resolve.naming.prefixes import filled
from beamwright_generator.resolve.observed.disagreements import report_disagreements
from beamwright_generator.resolve.observed.promised_pvs import DescribedPv, described_pvs, gather_facts
from beamwright_generator.resolve.signals.pvi_facts import PviFacts, pvi_facts
from beamwright_generator.resolve.snapshots.recorded_devices import Snapshots
from beamwright_generator.resolve.snapshots.slow_modules import slow_modules
from beamwright_generator.resolve.types.observed_types import FactsByContent

Progress = Callable[[int, int], None]
"""Called with how many of how many instances are done."""


@dataclass(frozen=True)
class Resolution:
    """A beamline's model, with what it was made of.

    :param seen: everything that its IOCs serve, placed or not.
    :param classes: what each content became.
    """

    model: Model
    seen: Sequence[Seen]
    classes: Resolved


def resolve_beamline(
    project: BeamlineProject, progress: Progress = lambda done, total: None, observations: Observations | None = None
) -> Resolution:
    """Return the device types and placed devices of a beamline; what is wrong or left out is reported.

    :param observations: what its running IOCs serve, which decides the types that descriptions leave open.
    """
    files, beamline, positions, problems = project.files, project.beamline, project.positions, project.problems
    instances = Instances(project)
    loaded = list(instances.read())
    pvi = _pvi(project, instances)
    contents = {over: Contents(files, problems, over, beamline.overrides.templates, pvi) for over in Transport}
    if observations is not None:
        facts = _observed(loaded, contents, beamline, observations, problems)
        contents = {over: replace(made, observed=facts) for over, made in contents.items()}
    seen = list(_see(loaded, contents, beamline.transport, problems, progress))
    classes = Classes(beamline.overrides.templates, problems, beamline.package)
    for one in seen:
        classes.add(one.content)
    _report_twice(seen, problems)
    resolved = classes.resolved()
    modules = resolved.modules()
    recorded = Snapshots(project).made_besides(modules)
    modules = dict(sorted({**modules, **recorded.modules}.items()))
    _report_unused(beamline.overrides.templates, contents.values(), recorded.files, positions, problems)
    readable = frozenset(_readable(modules))
    places = {id(ioc): number for number, ioc in enumerate(beamline.iocs)}
    seen = sorted([*seen, *recorded.seen], key=lambda one: places[id(one.instance.ioc)])
    classes_of_all = recorded.added_to(resolved)
    placed = Placing(project, classes_of_all, readable, recorded.writers).place(seen)
    module = BeamlineModule(
        beamline.name, beamline.title, project.source.name, len(beamline.iocs), placed, slow_modules(modules)
    )
    return Resolution(Model(beamline.name, modules, module, beamline.package), seen, classes_of_all)


def resolve_template(
    files: DescriptionFiles,
    path: Path,
    macros: Mapping[str, str],
    search: Sequence[Path],
    transport: Transport,
    problems: Problems,
) -> Model:
    """Return the device types of one template."""
    classes = Classes({}, problems)
    for content in Contents(files, problems, transport, {}, {}).of(path, macros, search, path.parent, None):
        classes.add(content)
    return Model("", classes.resolved().modules(), None)


def describe_beamline(project: BeamlineProject) -> list[DescribedPv]:
    """Return every PV that the descriptions of a beamline promise, in load order."""
    files, beamline, problems = project.files, project.beamline, project.problems
    loaded = list(Instances(project).read())
    contents = {over: Contents(files, problems, over, beamline.overrides.templates, {}) for over in Transport}
    return list(_described(_seen_unjudged(loaded, contents, beamline, problems), beamline))


def _observed(
    loaded: Sequence[Instance],
    contents: Mapping[Transport, Contents],
    beamline: BeamlineFile,
    observations: Observations,
    problems: Problems,
) -> FactsByContent:
    """Gather what was observed of each content, which takes a first look at who has it; disagreements are reported."""
    seen = _seen_unjudged(loaded, contents, beamline, problems)
    report_disagreements(list(_described(seen, beamline)), observations, problems)
    return gather_facts(seen, observations, beamline.transport)


def _seen_unjudged(
    loaded: Sequence[Instance], contents: Mapping[Transport, Contents], beamline: BeamlineFile, problems: Problems
) -> list[Seen]:
    """Return the devices that the beamline has; what is wrong with their records is for another time."""
    looking = {over: replace(made, judged=Problems(), leaves={}, _made={}) for over, made in contents.items()}
    seen = _see(loaded, looking, beamline.transport, problems, lambda done, total: None)
    return [one for one in seen if is_placed(one.prefix, beamline.overrides)]


def _described(seen: Sequence[Seen], beamline: BeamlineFile) -> Iterator[DescribedPv]:
    changes = beamline.overrides.devices.items()
    said = {prefix: change.optional for prefix, change in changes if change.optional is not None}
    return described_pvs(seen, beamline.transport, said)


def _see(
    loaded: Sequence[Instance],
    contents: Mapping[Transport, Contents],
    usual: Transport,
    problems: Problems,
    progress: Progress,
) -> Iterator[Seen]:
    for number, instance in enumerate(loaded):
        made = contents[instance.ioc.transport or usual]
        for content in made.of(instance.path, instance.macros, instance.search, instance.cwd, instance.at):
            one = _seen(instance, content, problems)
            if one is not None:
                yield one
        progress(number + 1, len(loaded))


def _pvi(project: BeamlineProject, instances: Instances) -> dict[str, PviFacts]:
    files, folder, problems = project.files, project.folder, project.problems
    facts: dict[str, PviFacts] = {}
    for number, ioc in enumerate(project.beamline.iocs):
        search = instances.search_of(ioc)
        for index, name in enumerate(ioc.pvi):
            at = project.positions.of("iocs", number, "pvi", index)
            path = find_file(files, name, search, folder, folder)
            if path is None:
                problems.error("file-missing", at, f"{name} is not found", hint="add its folder to `search`")
            elif (found := pvi_facts(files, path, search, problems, at)) is not None:
                facts[path.name.removesuffix(".pvi.device.yaml")] = found
    return facts


def _seen(instance: Instance, content: Content, problems: Problems) -> Seen | None:
    """Fill in the prefix and the parameters of one instance."""
    prefix = filled(content.prefix, instance.macros, content.defaults)
    scope = MacroScope({**content.defaults, **instance.macros})
    arguments = [(keyword, scope.value(macro)) for keyword, macro in content.keywords]
    missing = [macro for macro in content.parameters if scope.value(macro) is None]
    if "$(" in prefix or missing:
        what = f"its device prefix is {prefix}" if "$(" in prefix else f"its record names hang on {', '.join(missing)}"
        problems.error(
            "prefix-undefined",
            instance.at,
            f"{instance.path.name} is loaded without all of its macros: {what}",
            hint="give the macros where the template is loaded, or in `macros` in the beamline file",
        )
        return None
    return Seen(instance, content, prefix, tuple((name, value or "") for name, value in arguments))


def _report_unused(
    overrides: Mapping[str, TemplateOverride],
    contents: Iterable[Contents],
    snapshots: Collection[str],
    positions: BeamlinePositions,
    problems: Problems,
) -> None:
    """Report overrides of templates that no IOC loads, and of records that a template does not have.

    :param snapshots: file names of recorded trees, whose entries are looked for where they are read.
    """
    leaves: dict[str, set[str]] = {}
    for made in contents:
        for file, found in made.leaves.items():
            leaves.setdefault(file, set()).update(found)
    for file, override in overrides.items():
        if file in snapshots:
            continue
        if file not in leaves:
            at = positions.of("overrides", "templates", file)
            problems.warning("override-unused", at, f"no IOC loads {file}", hint="write the template's file name")
            continue
        for leaf in override.records:
            if leaf not in leaves[file]:
                problems.warning(
                    "override-unused",
                    positions.of("overrides", "templates", file, "records", leaf),
                    f"{file} has no record {leaf} after its device prefix",
                    hint="write the record's name as in the template, without the prefix that all names share",
                )


def _report_twice(seen: Sequence[Seen], problems: Problems) -> None:
    """Report records that two databases at one prefix define as different types: an IOC drops the second."""
    by_prefix: dict[str, list[Seen]] = {}
    for one in seen:
        by_prefix.setdefault(one.prefix, []).append(one)
    for prefix, several in by_prefix.items():
        known: dict[str, tuple[object, Seen]] = {}
        for one in several if len(several) > 1 else ():
            for leaf, served in one.content.signals.served.items():
                first = known.setdefault(leaf, (served, one))
                if first[0] != served and "$(" not in leaf:
                    problems.warning(
                        "record-type-conflict",
                        one.instance.at,
                        f"{prefix}{leaf} is defined differently by {first[1].content.source}",
                        hint=f"the first definition is loaded at {first[1].instance.at}",
                    )


def _readable(modules: Mapping[str, Sequence[DeviceType]]) -> Iterator[ClassRef]:
    """Name the classes that take part in the documents of a run, by themselves or through a base."""
    types = {device.ref: device for devices in modules.values() for device in devices}
    for ref, device in types.items():
        waiting = [device]
        while waiting:
            one = waiting.pop()
            if one.readable:
                yield ref
                break
            waiting += [types[base] for base in one.bases if base in types]
