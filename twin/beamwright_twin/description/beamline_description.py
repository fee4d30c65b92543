"""A beamline's descriptions as a twin reads them, with what every IOC loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.database.loader import LoadedDatabase, LoadedRecord, load_database
from beamwright_generator.parse.yaml.beamline_file import BeamlineFile, BeamlinePositions
from beamwright_generator.parse.yaml.snapshot_file import RecordedBlock, parse_snapshot
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.devices.template_instances import Instances
from beamwright_generator.resolve.snapshots.recorded_devices import named_snapshots


@dataclass(frozen=True, slots=True)
class RecordedTree:
    """A recorded PVI tree that an IOC serves."""

    source: Source
    prefix: str
    root: RecordedBlock


@dataclass(frozen=True, slots=True)
class BeamlineDescription:
    """What a beamline file leads to.

    :param databases: what the IOCs load, by their names.
    :param trees: the recorded trees that they serve, by their names.
    """

    file: BeamlineFile
    positions: BeamlinePositions
    databases: dict[str, LoadedDatabase] = field(default_factory=dict)
    trees: dict[str, list[RecordedTree]] = field(default_factory=dict)

    @property
    def records(self) -> dict[str, LoadedRecord]:
        """Every record of the beamline by its name."""
        return {name: one for loaded in self.databases.values() for name, one in loaded.records.items()}

    @property
    def boxes(self) -> dict[str, RecordedBlock]:
        """The recorded trees by their prefixes."""
        return {tree.prefix: tree.root for trees in self.trees.values() for tree in trees}


def describe(beamline: Path, problems: Problems) -> BeamlineDescription | None:
    """Load what the IOCs of a beamline file load, as they do; what is wrong is reported."""
    project = BeamlineProject.open(beamline, problems)
    if project is None:
        return None
    files, file = project.files, project.beamline
    made = BeamlineDescription(file, project.positions, {ioc.name: LoadedDatabase() for ioc in file.iocs})
    for one in Instances(project).read():
        into = made.databases[one.ioc.name]
        load_database(files, one.path, one.macros, one.search, problems, cwd=one.cwd, into=into, at=one.at)
    for ioc, path, at in named_snapshots(project):
        recorded = files.read(path, at)
        tree = parse_snapshot(recorded, problems) if recorded else None
        if recorded and tree:
            made.trees.setdefault(ioc.name, []).append(RecordedTree(recorded, tree.prefix, tree.root))
    return made
