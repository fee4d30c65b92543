"""What classes are audited against: the records of templates and beamlines, by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from beamwright_generator.basics.choices import Transport
from beamwright_generator.parse.database.statements import Alias, Record
from beamwright_generator.parse.database.template_tree import TemplateTree, read_template
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.parse.yaml.observation_file import Fact
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.content.flat_template import FlatTemplate, Outer, flatten
from beamwright_generator.resolve.content.record_groups import groups_of
from beamwright_generator.resolve.devices.template_instances import Instances
from beamwright_generator.resolve.naming.prefixes import common_prefix, filled, literal_prefix, plain_macros
from beamwright_generator.resolve.types.template_record import TemplateRecord

LARGEST_NEIGHBOUR: Final = 400_000
"""Bytes of a template that is looked through for where a PV else may stand."""


@dataclass
class RecordSet:
    """One `--against`.

    :param label: what messages call it.
    :param records: by every name that clients can use; macros without a value stand as written.
    :param prefixes: of its devices, each once.
    :param folders: where templates lie that it may be confused with.
    :param observed: what running IOCs were seen to serve, by PV.
    """

    label: str
    records: dict[str, TemplateRecord] = field(default_factory=dict)
    prefixes: dict[str, None] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    files: DescriptionFiles | None = None
    paths: set[Path] = field(default_factory=set)
    observed: dict[tuple[str, Transport], Fact] = field(default_factory=dict)

    def find(self, pv: str) -> tuple[TemplateRecord, str] | None:
        """Find the record of a PV, and the field that it names; None where there is none."""
        record, _, name = pv.rpartition(".") if pv not in self.records else (pv, "", "")
        found = self.records.get(record)
        return (found, name) if found is not None else None

    def leaves(self, prefix: str) -> dict[str, TemplateRecord]:
        """Give the records at a prefix by what follows it."""
        length = len(prefix)
        return {name[length:]: record for name, record in self.records.items() if name.startswith(prefix)}

    @cached_property
    def neighbours(self) -> Mapping[str, str]:
        """Tell which other template has a record, by what follows its device prefix."""
        found: dict[str, str] = {}
        for folder in self.folders:
            for path in sorted((*folder.glob("*.template"), *folder.glob("*.db"))):
                if self.files is None or path.resolve() in self.paths or path.stat().st_size > LARGEST_NEIGHBOUR:
                    continue
                tree = read_template(self.files, path, [folder], Problems())
                flat = flatten(tree, Problems()) if tree is not None else None
                for names in groups_of(flat) if flat else ():
                    prefix = common_prefix(names)
                    for name in names:
                        known = found.get(name[len(prefix) :])
                        found[name[len(prefix) :]] = known or path.name
        return found

    def add(self, flat: FlatTemplate, macros: Mapping[str, str]) -> None:
        """Take up a template with the macros that it is loaded with; what is there already stays."""
        scope = MacroScope({**flat.defaults, **macros})
        for record in flat.records:
            name = expand(record.name, scope)
            fields = {key: expand(value, scope) if "$" in value else value for key, value in record.fields.items()}
            kind = expand(record.type, scope)
            self.records.setdefault(name, TemplateRecord(name, name, kind, fields, record.infos, record.at))
        for alias, of in _aliases(flat.tree, {}):
            known = self.records.get(expand(of, scope))
            if known is not None:
                self.records.setdefault(expand(alias, scope), known)
        for names in groups_of(flat):
            self.prefixes[filled(common_prefix(names) or literal_prefix(names), macros, flat.defaults)] = None
        self.paths |= set(_paths(flat.tree))


def _paths(tree: TemplateTree) -> Iterator[Path]:
    yield tree.source.path
    for included in tree.includes:
        if included.tree is not None:
            yield from _paths(included.tree)


def _aliases(tree: TemplateTree, definitions: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Give each alias with the name of its record."""
    outer = Outer(definitions)
    for item in tree.database.items:
        if isinstance(item, Alias) and item.record:
            yield _plain(outer, item.name), _plain(outer, item.record)
        elif isinstance(item, Record):
            for line in item.body:
                if isinstance(line, Alias):
                    yield _plain(outer, line.name), _plain(outer, item.name)
    for included in tree.includes:
        if included.tree is not None and included.record is None:
            yield from _aliases(included.tree, included.definitions)


def _plain(outer: Outer, name: str) -> str:
    return plain_macros(outer.filled(name)).text


def of_template(
    files: DescriptionFiles, path: Path, macros: Mapping[str, str], search: Sequence[Path], problems: Problems
) -> RecordSet | None:
    """Describe one template; None where it cannot be read."""
    described = RecordSet(path.name, folders=(path.parent, *search), files=files)
    folders = (*search, path.parent)
    tree = read_template(files, path, folders, problems, macros=MacroScope(macros), cwd=path.parent)
    if tree is None:
        return None
    described.add(flatten(tree, problems), macros)
    return described


def _observed(project: BeamlineProject) -> Iterator[tuple[tuple[str, Transport], Fact]]:
    observations = project.observations
    for ioc in observations.iocs.values() if observations is not None else ():
        for prefix, device in ioc.devices.items():
            for leaf, fact in device.records.items():
                yield (prefix + leaf, device.transport), fact


def of_beamline(project: BeamlineProject) -> RecordSet:
    """Describe everything that the IOCs of a beamline load, and what was observed of it."""
    files, problems = project.files, project.problems
    described = RecordSet(project.beamline.name, files=files)
    described.observed = dict(_observed(project))
    flats: dict[tuple[object, ...], FlatTemplate | None] = {}
    for instance in Instances(project).read():
        key = (instance.path, instance.search, instance.cwd, tuple(instance.macros.items()))
        if key not in flats:
            scope = MacroScope(instance.macros)
            tree = read_template(
                files, instance.path, instance.search, problems, macros=scope, cwd=instance.cwd, at=instance.at
            )
            flats[key] = flatten(tree, Problems()) if tree is not None else None
        flat = flats[key]
        if flat is not None:
            described.add(flat, instance.macros)
    described.folders = tuple(dict.fromkeys(path.parent for path in sorted(described.paths)))
    return described
