"""A beamline file opened once: its text, its entries with their lines, its roots, and what was observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.yaml.beamline_file import BeamlineFile, BeamlinePositions, parse_beamline
from beamwright_generator.parse.yaml.file_roots import names_of, open_roots
from beamwright_generator.parse.yaml.observation_file import Observations, parse_observations
from beamwright_generator.problems import Problems
from beamwright_generator.repository import repository_of


@dataclass(frozen=True)
class BeamlineProject:
    """A beamline file, and the folders that its descriptions lie in.

    :param files: reads files of the repository and of the roots.
    :param source: the text of the beamline file.
    :param beamline: what stands in it.
    :param positions: where each entry stands.
    :param problems: takes everything that is found wrong, from here to the last stage.
    """

    files: DescriptionFiles
    source: Source
    beamline: BeamlineFile
    positions: BeamlinePositions
    problems: Problems = field(repr=False)

    @classmethod
    def open(cls, path: Path, problems: Problems, files: DescriptionFiles | None = None) -> BeamlineProject | None:
        """Open a beamline file and the roots that it names.

        :param files: a reader to add the roots to; by default one of the repository around the file.
        :returns: None if the file cannot be read or is not valid, which is reported.
        """
        if files is None:
            root = repository_of(path)
            files = DescriptionFiles([root if path.resolve().is_relative_to(root) else path.parent], root, problems)
        source = files.read(path)
        parsed = parse_beamline(source, problems) if source else None
        if source is None or parsed is None:
            return None
        beamline, positions = parsed
        open_roots(files, source.path.parent, beamline.roots, positions, problems)
        return cls(files, source, beamline, positions, problems)

    @property
    def folder(self) -> Path:
        """The folder of the beamline file, which its relative paths begin at."""
        return self.source.path.parent

    @property
    def root_names(self) -> list[str]:
        """The names of its roots, in the order of the file."""
        return names_of(self.beamline.roots, self.folder, self.files.shown_from)

    @property
    def observation_path(self) -> Path | None:
        """Where the observations file is on this machine, present or not; None if the beamline file names none."""
        named = self.beamline.observations
        return self.files.located(self.folder / named) if named is not None else None

    @property
    def has_observations(self) -> bool:
        """Whether the observations file that the beamline file names is there."""
        return self.observation_path is not None and self.files.exists(self.observation_path)

    @cached_property
    def observations(self) -> Observations | None:
        """What was observed of the running IOCs; a file that is missing or not valid is reported."""
        if self.observation_path is None:
            return None
        at = self.positions.of("observations")
        if not self.has_observations:
            self.problems.warning(
                "observations-missing",
                at,
                f"{self.beamline.observations} does not exist yet",
                hint="record it with `gen observe` while the IOCs run",
            )
            return None
        found = self.files.read(self.observation_path, at)
        return parse_observations(found, self.problems) if found else None
