"""The database and substitutions files below some folders, and where each finds the files that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from beamwright_generator.parse.database.database_text import looks_like_substitutions
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems
from beamwright_generator.tables.record_types import record_type, record_type_names

SUFFIXES = {".db", ".template", ".vdb", ".substitutions", ".subst", ".subs", ".sub"}
"""Suffixes of the files that are read, in lower case; what one is, its content tells."""

BASE_TYPES = frozenset(
    name for name in record_type_names() if (known := record_type(name)) is not None and known.module == "base"
)
"""Record types of EPICS base."""

_DEVICE = re.compile(r'^\s*device\s*\(\s*"?(\w+)"?\s*,\s*\w+\s*,\s*\w+\s*,\s*"([^"\n]+)"\s*\)', re.MULTILINE)


@dataclass(frozen=True)
class Corpus:
    """Folders of support modules with databases in them.

    :param top: the folder that all are in, or the only one; files are shown from here.
    """

    roots: tuple[Path, ...]
    top: Path
    files: DescriptionFiles = field(repr=False)

    @classmethod
    def of(cls, *folders: Path) -> Corpus:
        """Look at some folders, links followed."""
        roots = tuple(dict.fromkeys(folder.resolve() for folder in folders))
        top = Path(os.path.commonpath(roots))
        return cls(roots, top, DescriptionFiles(roots, top, Problems()))

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Every database and substitutions file, sorted."""
        found = {path for root in self.roots for path in root.rglob("*") if path.suffix.lower() in SUFFIXES}
        return tuple(sorted(path for path in found if path.is_file() and self._is_inside(path)))

    def _is_inside(self, path: Path) -> bool:
        return any(path.resolve().is_relative_to(root) for root in self.roots)

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that holds such a file, sorted."""
        return tuple(sorted({path.parent for path in self.paths}))

    @cached_property
    def devices(self) -> Mapping[str, tuple[str, ...]]:
        """Names of device support by record type, as the folder's own definitions say."""
        found: dict[str, dict[str, None]] = {}
        for path in sorted(path for root in self.roots for path in root.rglob("*.dbd")):
            if path.is_file():
                for kind, choice in _DEVICE.findall(path.read_text(encoding="latin-1")):
                    found.setdefault(kind, {})[choice] = None
        return {kind: tuple(choices) for kind, choices in found.items()}

    def search(self, path: Path) -> tuple[Path, ...]:
        """Order the folders for one file: its own first, then those that share most of its path."""

        def distance(folder: Path) -> tuple[int, Path]:
            shared = sum(1 for _ in _common(folder.parts, path.parent.parts))
            return -shared, folder

        return (path.parent, *sorted((f for f in self.folders if f != path.parent), key=distance))

    def is_substitutions(self, path: Path) -> bool:
        """Return whether a file is a substitutions file, whatever it is called."""
        source = self.files.read(path)
        return source is not None and looks_like_substitutions(source.text)

    def shown(self, path: Path) -> str:
        """Name a file from the top folder on."""
        return path.relative_to(self.top).as_posix()


def _common(one: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    for part, theirs in zip(one, other, strict=False):
        if part != theirs:
            return
        yield part


@dataclass(frozen=True)
class Load:
    """One file of the corpus with the values that its macros get.

    :param number: its place in the run, from 1; stands in the names of its records.
    :param rows: each database that it loads with its macros: one for a database, any number for a substitutions file.
    :param missing: templates of a substitutions file that no folder holds.
    """

    number: int
    path: Path
    shown: str
    search: tuple[Path, ...]
    macros: Mapping[str, str]
    env: Mapping[str, str]
    rows: Sequence[tuple[Path, Mapping[str, str]]]
    missing: Sequence[str] = ()
    substitutions: bool = False

    @property
    def name(self) -> str:
        """What the beamline file calls the IOC that loads it."""
        return f"ioc{self.number}"
