"""The two sides of a comparison: a generated tree, a git revision of one, or what a beamline file makes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beamwright_generator.basics.packages import MANIFEST, USUAL, packages_below
from beamwright_generator.changes.diff import git_history
from beamwright_generator.changes.diff.change import Changes
from beamwright_generator.changes.diff.git_history import GitError
from beamwright_generator.changes.diff.interface_diff import compare
from beamwright_generator.changes.interface.module_reader import read_interface
from beamwright_generator.pipeline import generate_beamline
from beamwright_generator.problems import Problems
from beamwright_generator.repository import file_of, repository
from beamwright_generator.write.disk import read
from beamwright_generator.write.manifest import Manifest

DESCRIPTIONS = (".yaml", ".yml")


@dataclass(frozen=True)
class Side:
    """Generated texts by their paths in the package.

    :param name: as the user named it.
    :param beamline: the only beamline that it is made for; empty for a whole tree.
    :param package: the import name of the package.
    """

    name: str
    files: Mapping[str, str]
    beamline: str = ""
    package: str = USUAL

    def of(self, beamline: str) -> Mapping[str, str]:
        """Return what belongs to one beamline, as far as the manifest tells."""
        manifest = Manifest.parsed(self.files.get(MANIFEST, ""))
        if not beamline or not manifest.beamlines:
            return self.files
        owned = manifest.outputs(beamline)
        return {path: text for path, text in self.files.items() if path in owned}


def compare_sides(old: Side, new: Side) -> Changes:
    """Compare two sides; where one is a single beamline, only what the other has for it."""
    beamline = old.beamline or new.beamline
    return compare(read_interface(old.of(beamline), old.package), read_interface(new.of(beamline), new.package))


def compare_with_disk(files: Mapping[str, str], before: Mapping[str, str | None], package: str) -> Changes:
    """Compare generated texts with what stood on disk.

    :param files: every text that a beamline has now.
    :param before: for each path that differs, the text on disk; None when there was no file.
    :param package: the import name of the package.
    """
    old = {path: text for path, text in files.items() if path not in before}
    old |= {path: text for path, text in before.items() if text is not None}
    return compare(read_interface(old, package), read_interface(files, package))


def side(where: str, problems: Problems) -> Side | None:
    """Read a side; None when there is none of that name, or it cannot be generated.

    :param where: a folder, a beamline file, a revision, `REVISION:PATH`, or the name of a generated beamline.
    """
    path = Path(where)
    if path.is_dir():
        return _tree(where, path, problems)
    if path.is_file():
        return _described(where, path, problems)
    try:
        found = _committed(where, problems)
    except GitError as error:
        problems.error("revision-unknown", None, f"{where}: {error}")
        return None
    if found is not None or problems.errors:
        return found
    file = file_of(where, Path.cwd()) if where.isidentifier() else None
    if file is not None:
        return _described(where, file, problems)
    problems.error(
        "revision-unknown",
        None,
        f"{where} is no folder, no file, no git revision and no generated beamline",
        hint="name a folder that holds a generated package, a revision such as HEAD~1, or a beamline file",
    )
    return None


def working_tree() -> str:
    """Return the repository around the working folder, or its folder of generated code, where there is one."""
    root = repository(Path.cwd() / "x")
    return str(root / "generated" if (root / "generated").is_dir() else root)


def _tree(where: str, folder: Path, problems: Problems) -> Side | None:
    package = _single([str(found) for found in packages_below(folder)], where, problems, "name its folder")
    if package is None:
        return None
    files = (path for path in sorted(Path(package).rglob("*")) if path.suffix == ".py" or path.name == MANIFEST)
    texts = {path.relative_to(package).as_posix(): read(path) or "" for path in files}
    return Side(where, texts, package=Manifest.parsed(texts.get(MANIFEST, "")).package)


def _single(packages: Sequence[str], where: str, problems: Problems, hint: str) -> str | None:
    """Return the only generated package; what is none or several is reported."""
    if len(packages) == 1:
        return packages[0]
    message = "holds no generated package" if not packages else f"holds several: {', '.join(packages)}"
    problems.error("tree-missing", None, f"{where} {message}", hint=hint)
    return None


def _described(where: str, file: Path, problems: Problems) -> Side | None:
    generated = generate_beamline(file, None, problems, lambda done, total: None)
    return Side(where, generated.files, generated.name, generated.manifest.package) if generated else None


def _committed(where: str, problems: Problems) -> Side | None:
    revision, _, path = where.partition(":")
    here = Path.cwd()
    commit = git_history.commit_of(revision, here)
    if commit is None:
        return None
    # As git itself has it: `./` begins at this folder, everything else at the top of the repository.
    named = path.rstrip("/")
    if named == "." or named.startswith("./"):
        named = (git_history.prefix(here) + named.removeprefix(".").removeprefix("/")).rstrip("/")
    files = git_history.listed(commit, here)
    if named in files and named.endswith(DESCRIPTIONS):
        with tempfile.TemporaryDirectory(prefix="beamwright-") as folder:
            git_history.export(commit, here, Path(folder))
            (Path(folder) / ".git").mkdir()
            return _described(where, Path(folder) / named, problems)
    package = _package_in(files, named, where, problems)
    if package is None:
        return None
    blobs = {path.removeprefix(package): blob for path, blob in files.items() if path.startswith(package)}
    blobs = {path: blob for path, blob in blobs.items() if path.endswith(".py") or path == MANIFEST}
    texts = git_history.contents(list(blobs.values()), here)
    found = {path: text.decode("utf-8", "replace") for path, text in zip(blobs, texts, strict=True)}
    return Side(where, found, package=Manifest.parsed(found.get(MANIFEST, "")).package)


def _package_in(files: Mapping[str, str], named: str, where: str, problems: Problems) -> str | None:
    """Find the folder of the generated package in a commit, below a path if one is named."""
    start = f"{named}/" if named else ""
    marks = [path.removesuffix(MANIFEST) for path in files if path == MANIFEST or path.endswith(f"/{MANIFEST}")]
    found = [mark for mark in marks if mark.startswith(start)]
    return _single(found, where, problems, "name the folder: REVISION:PATH")
