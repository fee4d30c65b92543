"""Reads description files, only below the folders the user gave."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.problems import Problems

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes; the largest public EPICS template (a GenICam camera) has 1.3 MB."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder outside the repository that descriptions may lie in, such as a tree of support modules.

    What lies there is shown as ``NAME/db/g.template``, so that it is called the same wherever the folder is.

    :param place: where it is on this machine.
    :param written: where the beamline file says that it is; paths below that lead to `place`.
    :param nickname: the path beside the beamline file that leads to `place`, too, unless something else is there.
    """

    name: str
    place: Path
    written: Path
    nickname: Path


@dataclass
class DescriptionFiles:
    """Reads each description file once and keeps what was read, for the manifest.

    :param roots: the only folders that files are read from, symbolic links followed.
    :param shown_from: the folder that file names are shown relative to.
    :param named: further folders, with names that stand for them in what is shown.
    """

    roots: Sequence[Path]
    shown_from: Path
    problems: Problems
    named: Sequence[Root] = ()
    _sources: dict[Path, Source | None] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)
    _absent: set[Path] = field(default_factory=set)
    _naming: Sequence[Root] = ()

    def __post_init__(self) -> None:
        self.roots = tuple(root.resolve() for root in self.roots)
        given, self.named = self.named, ()
        self.add_roots(given)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the bytes of every file that was read, by shown name, sorted."""
        return dict(sorted(self._digests.items()))

    @property
    def read_paths(self) -> list[Path]:
        """Every file that was read, resolved, sorted."""
        return sorted(path for path, source in self._sources.items() if source is not None)

    @property
    def absent(self) -> list[str]:
        """Every file that was looked for and not there, by shown name, sorted: one that appears changes the result.

        Where nothing may be read, a file that appears changes nothing: it depends on the machine, and is left out.
        """
        return sorted(self.shown(path) for path in self._absent if self.holds(path))

    def add_roots(self, roots: Sequence[Root]) -> None:
        """Add folders that files may be read from."""
        self.named = (*self.named, *(replace(root, place=root.place.resolve()) for root in roots))
        # Innermost first, and without those around the repository, where its own names hold.
        here = self.shown_from.resolve()
        apart = (root for root in self.named if not here.is_relative_to(root.place))
        self._naming = sorted(apart, key=lambda root: len(root.place.parts), reverse=True)

    def shown(self, path: Path) -> str:
        """Return a path the way users see it: by the root that it lies in, else from the repository."""
        path = self.located(path)
        for root in self._naming:
            if path.is_relative_to(root.place):
                return (root.name / path.relative_to(root.place)).as_posix()
        return Path(os.path.relpath(path, self.shown_from)).as_posix()

    def place_of(self, shown: str) -> Path:
        """Return where a file is that is shown by a name: the reverse of `shown`."""
        first, _, rest = shown.partition("/")
        root = next((root for root in self._naming if root.name == first), None)
        return root.place / rest if root else self.shown_from / shown

    def located(self, path: Path) -> Path:
        """Return where a path leads on this machine, which a root may say; without `..`, links not followed."""
        path = Path(os.path.normpath(path))
        for root in self.named:
            for written in (root.written, root.nickname):
                if path.is_relative_to(written) and (written == root.written or not written.exists()):
                    return root.place / path.relative_to(written)
        return path

    def exists(self, path: Path) -> bool:
        """Return whether a path is a file below the roots."""
        path = self.located(path)
        if path in self._absent:
            return False
        if not is_file(path):
            self._absent.add(path)
            return False
        return self.holds(path.resolve())

    def holds(self, resolved: Path) -> bool:
        """Return whether a path lies in the repository or below a root."""
        return any(resolved.is_relative_to(root) for root in (*self.roots, *(root.place for root in self.named)))

    def read(self, path: Path, at: Position | None = None) -> Source | None:
        """Read a file, or report why it cannot be read, where `at` is what asked for it.

        UTF-8 is tried first, then Latin-1, which takes any bytes. Line ends become a single newline.
        """
        resolved = self.located(path).resolve()
        if resolved not in self._sources:
            self._sources[resolved] = self._read(resolved, at)
        return self._sources[resolved]

    def _read(self, resolved: Path, at: Position | None) -> Source | None:
        shown = self.shown(resolved)
        if not self.holds(resolved):
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
    """Return whether a path is a file; False if the name is impossible or its folder may not be read."""
    try:
        return path.is_file()
    except OSError:
        return False
