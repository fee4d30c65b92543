"""From the beamline file to template instances: each a database that an IOC loads, with its macros."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beamwright_generator.basics.source_text import Position
from beamwright_generator.parse.boot.boot_script import Load, LoadKind, read_startup
from beamwright_generator.parse.database.database_text import looks_like_substitutions
from beamwright_generator.parse.database.substitutions import parse_substitutions
from beamwright_generator.parse.macros.maclib import MacroScope
from beamwright_generator.parse.search_path import find_file
from beamwright_generator.parse.yaml.beamline_file import IocEntry
from beamwright_generator.project import BeamlineProject


@dataclass(frozen=True, slots=True)
class Instance:
    """One load of a database or template.

    :param macros: values, expanded as far as they are known.
    """

    path: Path
    macros: Mapping[str, str]
    search: tuple[Path, ...]
    cwd: Path
    ioc: IocEntry
    at: Position


@dataclass(frozen=True, slots=True)
class Instances:
    """Reads what the IOCs of a beamline file load, in load order."""

    project: BeamlineProject

    def read(self) -> Iterator[Instance]:
        """Follow boot scripts, substitutions and the databases that the beamline file names itself."""
        for number, ioc in enumerate(self.project.beamline.iocs):
            if ioc.startup is not None:
                yield from self._startup(ioc, number)
            yield from self._named(ioc, number)

    def search_of(self, ioc: IocEntry) -> tuple[Path, ...]:
        """Return the folders that the beamline file names for an IOC."""
        return tuple(self.project.folder / folder for folder in (*ioc.search, *self.project.beamline.search))

    def _startup(self, ioc: IocEntry, number: int) -> Iterator[Instance]:
        script = self.project.folder / str(ioc.startup)
        cwd = self.project.folder / ioc.folder if ioc.folder else script.parent
        at = self.project.positions.of("iocs", number, "startup")
        startup = read_startup(self.project.files, script, self.project.problems, env=ioc.env, cwd=cwd, at=at)
        for load in startup.loads if startup else ():
            if load.kind is not LoadKind.DEFINITIONS:
                yield from self._load(load, ioc)

    def _load(self, load: Load, ioc: IocEntry) -> Iterator[Instance]:
        search = (*(load.cwd / folder for folder in load.search), *self.search_of(ioc))
        path = load.find(self.project.files) or find_file(
            self.project.files, load.file, search, load.cwd, load.source.path.parent
        )
        if path is None:
            self.project.problems.error(
                "database-missing",
                load.at,
                f"{load.file} is not found",
                hint="add its folder to `search`, or the values of envPaths to `env`, in the beamline file",
            )
            return
        given = {name: value for name, value in load.macros.items() if value is not None}
        if load.kind is LoadKind.TEMPLATE or self._is_substitutions(path, load.at):
            yield from self._rows(path, given, search, load.cwd, ioc, load.at, load.environment)
        else:
            yield Instance(path, _values(given), search, load.cwd, ioc, load.at)

    def _is_substitutions(self, path: Path, at: Position) -> bool:
        source = self.project.files.read(path, at)
        return source is not None and looks_like_substitutions(source.text)

    def _named(self, ioc: IocEntry, number: int) -> Iterator[Instance]:
        search = self.search_of(ioc)
        for index, entry in enumerate(ioc.databases):
            at = self.project.positions.of("iocs", number, "databases", index)
            path = self._find(entry.file, search, at)
            if path is not None and self._is_substitutions(path, at):
                yield from self._rows(path, entry.macros, search, path.parent, ioc, at, MacroScope(ioc.env))
            elif path is not None:
                yield Instance(path, _values(entry.macros), search, path.parent, ioc, at)
        for index, file in enumerate(ioc.substitutions):
            at = self.project.positions.of("iocs", number, "substitutions", index)
            path = self._find(file, search, at)
            if path is not None:
                yield from self._rows(path, {}, search, path.parent, ioc, at, MacroScope(ioc.env))

    def _find(self, file: str, search: Sequence[Path], at: Position) -> Path | None:
        path = find_file(self.project.files, file, search, self.project.folder, self.project.folder)
        if path is None:
            self.project.problems.error(
                "database-missing", at, f"{file} is not found", hint="add its folder to `search`"
            )
        return path

    def _rows(
        self,
        path: Path,
        given: Mapping[str, str],
        search: tuple[Path, ...],
        cwd: Path,
        ioc: IocEntry,
        at: Position,
        env: MacroScope,
    ) -> Iterator[Instance]:
        source = self.project.files.read(path, at)
        if source is None:
            return
        for block in parse_substitutions(source, self.project.problems, env=env, given=given).templates:
            template = find_file(self.project.files, block.file, search, cwd, path.parent)
            if template is None:
                self.project.problems.error(
                    "database-missing", block.at, f"{block.file} is not found", hint="add its folder to `search`"
                )
                continue
            for row in block.rows:
                yield Instance(template, _values(row.macros), search, cwd, ioc, row.at)


def _values(macros: Mapping[str, str]) -> dict[str, str]:
    scope = MacroScope(macros)
    return {name: scope.value(name) or "" for name in macros}
