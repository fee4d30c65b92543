"""Texts against the disk: what is missing, changed, edited or extra; and the writing of what differs, atomically."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from beamwright_generator.basics.packages import MANIFEST, is_generated
from beamwright_generator.write.disk import read, replace_file
from beamwright_generator.write.manifest import Manifest, sha256


class State(StrEnum):
    """How a file on disk differs from what the descriptions say."""

    MISSING = "missing"
    CHANGED = "changed"
    EDITED = "edited"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not what the descriptions say.

    :param wanted: the text it should have; None for a file that should not be there.
    :param found: the text it has; None for a file that is not there.
    """

    path: str
    state: State
    wanted: str | None
    found: str | None

    def unified(self, shown: str) -> str:
        """Return the difference as a unified diff of a file that users know as `shown`."""
        old, new = (self.found or "").splitlines(keepends=True), (self.wanted or "").splitlines(keepends=True)
        return "".join(difflib.unified_diff(old, new, f"{shown} (on disk)", f"{shown} (descriptions)"))


def is_current(
    manifest: Manifest, beamline: str, package: Path, place_of: Callable[[str], Path], generator: str
) -> bool:
    """Return whether inputs, outputs and missing files are as they were when the beamline was written.

    :param place_of: says where an input of some name is.
    :param generator: digest of the generator that would write it now.
    """
    return (
        reads_the_same(manifest, beamline, place_of, generator)
        and all(_digest(package / path) == digest for path, digest in manifest.outputs(beamline).items())
        and manifest.owned.keys() >= set(_modules(package))
    )


def reads_the_same(manifest: Manifest, beamline: str, place_of: Callable[[str], Path], generator: str) -> bool:
    """Return whether nothing has changed that a beamline was generated from."""
    entry = manifest.beamlines.get(beamline)
    return (
        entry is not None
        and entry.get("generator") == generator
        and all(_digest(place_of(name)) == digest for name, digest in entry["inputs"].items())
        and not any(place_of(name).is_file() for name in entry.get("absent", ()))
    )


def not_ours(files: Mapping[str, str], package: Path, manifest: Manifest) -> list[str]:
    """Return the paths where somebody else's file stands, which writing would destroy."""
    owned = manifest.owned
    found = ((path, read(package / path)) for path in files if path not in owned)
    return [path for path, text in found if text is not None and text != files[path] and not is_generated(text)]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def compare(files: Mapping[str, str], package: Path, manifest: Manifest, beamline: str) -> list[Difference]:
    """Compare the wanted texts with a generated package, in the order of their paths.

    A file whose text is not the one the manifest knows was edited by hand; one that is in neither is extra when it
    stands where only generated modules may stand.
    """
    differences, owned = [], manifest.owned
    for path, wanted in files.items():
        found = read(package / path)
        if found is None:
            differences.append(Difference(path, State.MISSING, wanted, None))
        elif found != wanted:
            known = owned.get(path)
            edited = known is not None and sha256(found) not in known
            differences.append(Difference(path, State.EDITED if edited else State.CHANGED, wanted, found))
    kept_by_others = {path for name in manifest.beamlines if name != beamline for path in manifest.outputs(name)}
    for path in _modules(package):
        if path not in files and path not in kept_by_others:
            differences.append(Difference(path, State.EXTRA, None, read(package / path)))
    return sorted(differences, key=lambda difference: difference.path)


def _modules(package: Path) -> Iterator[str]:
    for folder in ("devices", "beamlines"):
        for path in sorted((package / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(package).as_posix()


def write(differences: Sequence[Difference], package: Path, manifest: Manifest) -> list[Difference]:
    """Write what differs and remove what the manifest owns and nobody wants; return what was done.

    Every file is replaced in one step, and the manifest last, so that a run that is cut short is seen by `--check`.
    """
    done = []
    owned = Manifest.read(package).owned
    for difference in differences:
        target = package / difference.path
        if difference.wanted is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, difference.wanted)
        elif difference.path in owned:
            target.unlink(missing_ok=True)
        else:
            continue
        done.append(difference)
    if read(package / MANIFEST) != manifest.text():
        package.mkdir(parents=True, exist_ok=True)
        replace_file(package / MANIFEST, manifest.text())
    return done
