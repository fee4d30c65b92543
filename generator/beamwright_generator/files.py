"""Reads description files, only below the folders the user gave."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beamwright_generator.problems import Problems
from beamwright_generator.source import Position, Source

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes; the largest public EPICS template (a GenICam camera) has 1.3 MB."""


@dataclass
class Files:
    """Reads each description file once and keeps what was read, for the manifest.

    :param roots: the only folders that files are read from, symbolic links followed.
    :param shown_from: the folder that file names are shown relative to.
    """

    roots: Sequence[Path]
    shown_from: Path
    problems: Problems
    _sources: dict[Path, Source | None] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)
    _absent: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.roots = tuple(root.resolve() for root in self.roots)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the bytes of every file that was read, by shown name, sorted."""
        return dict(sorted(self._digests.items()))

    @property
    def absent(self) -> list[str]:
        """Every file that was looked for and not there, by shown name, sorted: one that appears changes the result."""
        return sorted(self.shown(path) for path in self._absent)

    def shown(self, path: Path) -> str:
        """Name a path the way users see it."""
        return Path(os.path.relpath(path, self.shown_from)).as_posix()

    def exists(self, path: Path) -> bool:
        """Tell whether a path is a file below the roots."""
        if path in self._absent:
            return False
        if not is_file(path):
            self._absent.add(path)
            return False
        return self._inside(path.resolve())

    def _inside(self, resolved: Path) -> bool:
        return any(resolved.is_relative_to(root) for root in self.roots)

    def read(self, path: Path, at: Position | None = None) -> Source | None:
        """Read a file, or report why it cannot be read, where `at` is what asked for it.

        UTF-8 is tried first, then Latin-1, which takes any bytes. Line ends become a single newline.
        """
        resolved = path.resolve()
        if resolved not in self._sources:
            self._sources[resolved] = self._read(resolved, at)
        return self._sources[resolved]

    def _read(self, resolved: Path, at: Position | None) -> Source | None:
        shown = self.shown(resolved)
        if not self._inside(resolved):
            self.problems.error(
                "outside-roots",
                at,
                f"{shown} is outside the folders that may be read",
                hint="add its folder to `roots` in the beamline file",
            )
            return None
        try:
            size = resolved.stat().st_size
            if size > LARGEST_FILE:
                self.problems.error("file-too-large", at, f"{shown} has {size:,} bytes; the limit is {LARGEST_FILE:,}")
                return None
            data = resolved.read_bytes()
        except FileNotFoundError:
            self.problems.error("file-missing", at, f"{shown} does not exist", hint="check the name and `search`")
            return None
        except OSError as error:
            self.problems.error("file-unreadable", at, f"{shown} cannot be read: {error.strerror}")
            return None
        self._digests[shown] = hashlib.sha256(data).hexdigest()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        return Source(resolved, shown, text.replace("\r\n", "\n").replace("\r", "\n"))


def is_file(path: Path) -> bool:
    """Tell whether a path is a file; a name that no file can have, or a folder that may not be read, holds none."""
    try:
        return path.is_file()
    except OSError:
        return False
