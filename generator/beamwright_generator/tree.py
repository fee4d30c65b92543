"""Texts against the disk: what is missing, changed, edited or extra; and the writing of what differs, atomically."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from beamwright_generator.packages import MANIFEST, USUAL, is_generated


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
        """Give the difference as a unified diff of a file that users know as `shown`."""
        old, new = (self.found or "").splitlines(keepends=True), (self.wanted or "").splitlines(keepends=True)
        return "".join(difflib.unified_diff(old, new, f"{shown} (on disk)", f"{shown} (descriptions)"))


def sha256(text: str) -> str:
    """Digest a text as it is written to disk."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Manifest:
    """Which files belong to which beamline, what they were made from, and by what.

    :param tool: generator version, digest and formatter, by name.
    :param beamlines: for each beamline `inputs` and `outputs` (path to SHA-256) and `absent` (looked for, not found).
    :param package: the import name of the package, which its modules say of each other.
    """

    tool: dict[str, str]
    beamlines: dict[str, dict[str, Any]]
    package: str = USUAL

    @classmethod
    def read(cls, package: Path) -> Manifest:
        """Read the manifest of a generated package; one that is missing or broken is empty."""
        return cls.parsed(read(package / MANIFEST) or "")

    @classmethod
    def parsed(cls, text: str) -> Manifest:
        """Return what the text of a manifest says; one that is broken is empty."""
        try:
            data = json.loads(text)
            entries = {name: dict(entry) for name, entry in data["beamlines"].items()}
            for entry in entries.values():
                entry["outputs"], entry["inputs"] = dict(entry["outputs"]), dict(entry["inputs"])
            return cls(dict(data["tool"]), entries, str(data.get("package", USUAL)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls({}, {})

    @staticmethod
    def entry(
        outputs: Mapping[str, str], inputs: Mapping[str, str], absent: Sequence[str], generator: str
    ) -> dict[str, Any]:
        """Make the entry of one beamline.

        :param outputs: texts by path.
        :param inputs: SHA-256 by shown name.
        :param generator: digest of the generator that made the outputs.
        """
        digests = {path: sha256(text) for path, text in sorted(outputs.items())}
        return {"absent": list(absent), "generator": generator, "inputs": dict(inputs), "outputs": digests}

    def outputs(self, beamline: str) -> dict[str, str]:
        """Give path to SHA-256 of the files that a beamline owns."""
        return dict(self.beamlines.get(beamline, {}).get("outputs", {}))

    def owners(self, path: str, besides: str = "") -> list[str]:
        """Name the beamlines that own a file."""
        return sorted(name for name in self.beamlines if name != besides and path in self.outputs(name))

    @property
    def owned(self) -> dict[str, set[str]]:
        """Give path to SHA-256 of every owned file; beamlines that share one may have written it at different times."""
        owned: dict[str, set[str]] = {}
        for name in self.beamlines:
            for path, digest in self.outputs(name).items():
                owned.setdefault(path, set()).add(digest)
        return owned

    def text(self) -> str:
        """Give the manifest as it is written: sorted, one fact on a line."""
        said = {"beamlines": self.beamlines, "package": self.package, "tool": self.tool}
        return json.dumps(said, indent=1, sort_keys=True) + "\n"


def is_current(
    manifest: Manifest, beamline: str, package: Path, place_of: Callable[[str], Path], generator: str
) -> bool:
    """Tell whether every input, every output and what was not there are as when the beamline was written.

    :param place_of: says where an input of some name is.
    :param generator: digest of the generator that would write it now.
    """
    return (
        reads_the_same(manifest, beamline, place_of, generator)
        and all(_digest(package / path) == digest for path, digest in manifest.outputs(beamline).items())
        and manifest.owned.keys() >= set(_modules(package))
    )


def reads_the_same(manifest: Manifest, beamline: str, place_of: Callable[[str], Path], generator: str) -> bool:
    """Tell whether a beamline would be written just as it was, because nothing that it is made from changed."""
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


def read(path: Path) -> str | None:
    """Read a generated file; None when it is not there or not text."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        return ""


def write(differences: Sequence[Difference], package: Path, manifest: Manifest) -> list[Difference]:
    """Write what differs and remove what the manifest owns and nobody wants; give what was done.

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


def replace_file(target: Path, text: str) -> None:
    """Write a file in one step: it is there whole, or as it was before; its folder exists."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
