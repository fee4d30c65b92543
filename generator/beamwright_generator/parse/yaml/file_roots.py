"""The folders outside the repository that a beamline file lets descriptions lie in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from beamwright_generator.parse.description_files import DescriptionFiles, Root
from beamwright_generator.parse.yaml.entry_positions import BeamlinePositions
from beamwright_generator.problems import Problems


def variable_of(name: str) -> str:
    """Return the environment variable that says where a root is on this machine."""
    return f"BEAMWRIGHT_ROOT_{name.upper().replace('-', '_')}"


def open_roots(
    files: DescriptionFiles,
    folder: Path,
    roots: Mapping[str, str] | Sequence[str],
    positions: BeamlinePositions,
    problems: Problems,
) -> None:
    """Open the roots of a beamline file; one that is missing or given twice is reported.

    A root of a list is called like its folder, and the folder around it where that is not enough. One of them that is
    inside the repository is there already, and keeps the names that its files have from the repository.

    :param folder: of the beamline file, which relative roots begin at.
    """
    listed: Iterable[tuple[str | int, str]] = roots.items() if isinstance(roots, Mapping) else enumerate(roots)
    found: list[Root] = []
    for name, (key, text) in zip(names_of(roots, folder, files.shown_from), listed, strict=True):
        written = Path(os.path.normpath(folder / text))
        given = os.environ.get(variable_of(name), text)
        place = Path(os.path.normpath(folder / given))
        if isinstance(key, int) and any(place.resolve().is_relative_to(root) for root in files.roots):
            continue
        root = Root(name, place, written, folder / name)
        fault, hint = _fault_of(root, given, found, files)
        if fault:
            problems.error("root-invalid", positions.of("roots", key), fault, hint=hint)
        else:
            found.append(root)
    files.add_roots(found)


def names_of(roots: Mapping[str, str] | Sequence[str], folder: Path, repository: Path) -> list[str]:
    """Return the names of the roots of a beamline file, in its order.

    A folder of a list is called `db`, or `ADCore-db` where several, or the repository, have a `db`.

    :param folder: of the beamline file, which relative roots begin at.
    """
    if isinstance(roots, Mapping):
        return list(roots)
    plain = [Path(os.path.normpath(folder / text)) for text in roots]
    short = [folder.name for folder in plain]
    taken = {name for name in short if short.count(name) > 1 or (repository / name).exists()}
    return [f"{folder.parent.name}-{folder.name}" if folder.name in taken else folder.name for folder in plain]


def _fault_of(root: Root, given: str, before: Sequence[Root], files: DescriptionFiles) -> tuple[str, str]:
    """Return what is wrong with a root and what to do, or two empty texts."""
    if not root.place.is_dir():
        return f"{root.name} is not here: {given} is not a folder", _hint_of(root.name)
    if any(other.name == root.name for other in before):
        return f"two roots have the name {root.name}", "name them: roots: {support: ..., site: ...}"
    for other in before:
        inner, outer = root.place.resolve(), other.place.resolve()
        if inner == outer:
            return f"{root.name} is the folder of {other.name}", "give one name to one folder"
        if inner.is_relative_to(outer) or outer.is_relative_to(inner):
            return f"one of {root.name} and {other.name} lies inside the other", "name the outer one alone"
    if (files.shown_from / root.name).exists():
        return f"{root.name} is also the name of a file or folder of the repository", "give the root another name"
    return "", ""


def _hint_of(name: str) -> str:
    return f"say where it is with --root {name}=FOLDER, or {variable_of(name)}=FOLDER in the environment"
