"""The snapshots that a beamline file names: read, made into classes, and seen as devices of their IOCs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import ClassRef, DeviceType
from beamwright_generator.parse.search_path import find_file
from beamwright_generator.parse.yaml.beamline_file import IocEntry, TemplateOverride
from beamwright_generator.parse.yaml.snapshot_file import parse_snapshot
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.classes.device_classes import Resolved
from beamwright_generator.resolve.content.device_content import Content, Identity
from beamwright_generator.resolve.devices.placed_instance import Seen
from beamwright_generator.resolve.devices.template_instances import Instance
from beamwright_generator.resolve.naming.identifiers import Names, pascal, snake
from beamwright_generator.resolve.signals.record_signals import Signals
from beamwright_generator.resolve.snapshots.block_classes import SnapshotClasses, Whole
from beamwright_generator.resolve.snapshots.recorded_tree import Tree, is_panda

_NOTHING: Final = Signals((), {}, {}, (), frozenset(), {}, motor=False, records=0, typed=0)
_NO_CHANGE: Final = TemplateOverride()


@dataclass
class Snapshots:
    """Reads the snapshots of a beamline, and gives what is made of them."""

    project: BeamlineProject

    def made_besides(self, modules: Mapping[str, Sequence[DeviceType]]) -> Recorded:
        """Make the classes of every file; what is wrong with one is reported.

        :param modules: what databases make; names that they take are not given again.
        """
        names = Names(taken=(module.rpartition(".")[2] for module in modules))
        named = named_snapshots(self.project)
        read = [(ioc, path, at, self._read(path, at, names)) for ioc, path, at in named]
        found = [(ioc, path, at, whole) for ioc, path, at, whole in read if whole is not None]
        taken = {name for types in modules.values() for device in types for name in device.defined}
        classes = SnapshotClasses([whole for *_, whole in found], taken, self.project.problems)
        seen: list[Seen] = []
        for ioc, path, at, whole in found:
            instance = Instance(path, {}, (), self.project.folder, ioc, at)
            seen.append(Seen(instance, _content(whole), whole.prefix, (), whole.root.prefix))
        refs = {one.content.identity: classes.ref(whole) for one, (*_, whole) in zip(seen, found, strict=True)}
        writers = frozenset(classes.ref(whole) for *_, whole in found if whole.panda)
        return Recorded(tuple(seen), refs, classes.modules(), writers, frozenset(path.name for _, path, *_ in read))

    def _read(self, path: Path, at: Position, names: Names) -> Whole | None:
        source = self.project.files.read(path, at)
        snapshot = parse_snapshot(source, self.project.problems) if source else None
        if source is None or snapshot is None:
            return None
        stem = path.name.removesuffix(path.suffix).removesuffix(".pvi").removesuffix(".snapshot")
        override = self.project.beamline.overrides.templates.get(path.name, _NO_CHANGE)
        tree = Tree(snapshot, override, self.project.problems)
        root = tree.root(snake(stem) or "snapshot", override.name or "")
        self._report_unused(path.name, override, tree.leaves)
        if not root.members:
            self.project.problems.warning(
                "snapshot-left-out", at, f"left out: {path.name}, of which nothing has a type"
            )
            return None
        module = f"{self.project.beamline.package}.devices.{names.take(root.stem)}"
        name = override.name or pascal(stem) or "Snapshot"
        return Whole(root, snapshot.prefix, source.name, module, name, is_panda(root.members))

    def _report_unused(self, file: str, override: TemplateOverride, leaves: Collection[str]) -> None:
        for leaf in override.records:
            if leaf not in leaves:
                self.project.problems.warning(
                    "override-unused",
                    self.project.positions.of("overrides", "templates", file, "records", leaf),
                    f"{file} has no entry {leaf}",
                    hint="write the names from the whole down to the entry, with points and without numbers",
                )


def named_snapshots(project: BeamlineProject) -> Iterator[tuple[IocEntry, Path, Position]]:
    """Find the snapshots that a beamline file names; what is missing is reported."""
    folder = project.folder
    for number, ioc in enumerate(project.beamline.iocs):
        search = [folder / other for other in (*ioc.search, *project.beamline.search)]
        for index, name in enumerate(ioc.snapshots):
            at = project.positions.of("iocs", number, "snapshots", index)
            path = find_file(project.files, name, search, folder, folder)
            if path is None:
                project.problems.error("file-missing", at, f"{name} is not found", hint="add its folder to `search`")
            else:
                yield ioc, path, at


def _content(whole: Whole) -> Content:
    """Return what placing needs to know of a snapshot; its members are in classes of their own."""
    stem = whole.module.rpartition(".")[2]
    return Content(
        stem,
        whole.source,
        whole.root.at,
        whole.prefix,
        {},
        (),
        _NOTHING,
        (),
        (),
        frozenset(),
        Transport.PVA,
        whole.root.doc or f"PVI tree of {whole.source.rpartition('/')[2]}",
    )


@dataclass(frozen=True)
class Recorded:
    """What all snapshots of a beamline amount to.

    :param writers: classes that write files, so that their factories ask where to.
    :param files: names of the files, as overrides give them.
    """

    seen: tuple[Seen, ...]
    refs: Mapping[Identity, ClassRef]
    modules: Mapping[str, tuple[DeviceType, ...]]
    writers: frozenset[ClassRef]
    files: frozenset[str]

    def added_to(self, resolved: Resolved) -> Resolved:
        """Make the classes known where those of databases are."""
        return replace(resolved, refs={**resolved.refs, **self.refs})
