"""A first beamline file, written from a boot script."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from io import StringIO
from itertools import chain, count
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.yaml.beamline_file import BeamlineFile, BeamlinePositions, IocEntry
from beamwright_generator.parse.yaml.file_roots import names_of
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.repository import repository
from beamwright_generator.resolve.resolution import resolve_beamline


def first_beamline_file(
    startup: Path,
    target: Path,
    name: str,
    package: str,
    ioc: str | None,
    env: Mapping[str, str],
    folder: Path | None,
    search: Sequence[Path],
    problems: Problems,
) -> str | None:
    """Return the text of a beamline file for a boot script; what the script lacks is reported.

    The script is followed wherever it leads, and every folder outside the repository that it reads from becomes one
    of the file's roots. Paths are relative to the file; outside the repository, those that are given as absolute ones
    stay that, so that the file holds in a checkout elsewhere.

    :param target: where the file will stand.
    """
    home, root = target.resolve().parent, repository(target)
    startup_path = startup.resolve()
    entry = IocEntry(
        name=ioc or _ioc_name(startup_path),
        startup=_written(startup, home, root),
        folder=_written(folder, home, root) if folder else None,
        env=dict(env),
        search=tuple(_written(path, home, root) for path in search),
    )
    files = DescriptionFiles([Path(home.anchor)], root, problems)
    try:
        beamline = BeamlineFile(name=name, package=package, iocs=[entry])
    except ValidationError:
        problems.error(
            "beamline-invalid",
            None,
            f"{name!r} is not a module name",
            hint="use small letters, digits and _, such as x01",
        )
        return None
    source = Source(target.resolve(), files.shown(target.resolve()), "")
    project = BeamlineProject(files, source, beamline, BeamlinePositions(source.name, {}), problems)
    model = resolve_beamline(project).model
    if problems.errors:
        return None
    roots = _roots(files.read_paths, env, [startup, *search], home, root)
    prefixes = [getattr(device, "prefix", "") for device in model.beamline.devices] if model.beamline else []
    return _text(name, package, entry, roots, [prefix for prefix in prefixes if prefix])


def _ioc_name(startup: Path) -> str:
    """Name the IOC after its folder, past the folders that only say what lies in them."""
    folders = [p.name for p in startup.parents if p.name and p.name.lower() not in ("iocboot", "boot", "config", "src")]
    return folders[0] if folders else startup.stem


def _written(path: Path, home: Path, repository: Path) -> str:
    """Return a path as the beamline file says it: absolute if it was given so and lies outside the repository."""
    if path.is_absolute() and not path.resolve().is_relative_to(repository):
        return path.as_posix()
    return Path(os.path.relpath(path.resolve(), home)).as_posix()


def _roots(
    read: Iterable[Path], env: Mapping[str, str], given: Sequence[Path], home: Path, repository: Path
) -> dict[str, str]:
    """Return the folders outside the repository that files were read from, by names, without those inside another.

    A folder that the environment names absolutely is one root with all below it, called like the variable.

    :param given: other paths that the user gave; what lies by an absolute one is absolute, too.
    """
    outside = {path.parent for path in read if not path.is_relative_to(repository)}
    trees = {Path(value).resolve(): name.lower() for name, value in env.items() if _is_tree(value)}
    trees = {tree: name for tree, name in trees.items() if not repository.is_relative_to(tree)}
    tops = {next((tree for tree in sorted(trees) if folder.is_relative_to(tree)), folder) for folder in outside}
    outer = [folder for folder in sorted(tops) if not any(other in folder.parents for other in tops)]
    absolute = [path.resolve().parent for path in given if path.is_absolute()]
    texts = [
        folder.as_posix()
        if folder in trees or Path(os.path.commonpath([folder, home])) == Path(home.anchor) or folder in absolute
        else Path(os.path.relpath(folder, home)).as_posix()
        for folder in outer
    ]
    named = zip(outer, names_of(texts, home, repository), texts, strict=True)
    roots: dict[str, str] = {}
    for folder, name, text in named:
        roots[_root_name(trees.get(folder, name), roots)] = text
    return roots


def _root_name(wanted: str, taken: Container[str]) -> str:
    """Return a name like the wanted one that a root may have, and no other has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-_")
    name = plain if plain[:1].isalpha() else f"root-{plain}"
    return next(one for one in chain([name], (f"{name}-{number}" for number in count(2))) if one not in taken)


def _is_tree(value: str) -> bool:
    return Path(value).is_absolute() and Path(value).is_dir()


def _text(name: str, package: str, entry: IocEntry, roots: Mapping[str, str], prefixes: Sequence[str]) -> str:
    given = entry.model_dump(mode="json", exclude_defaults=True)
    data = {"name": name, "package": package, **({"roots": dict(roots)} if roots else {}), "iocs": [given]}
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(data, out)
    head = (
        f"# Beamline {name}: `gen beamline` writes its devices, `gen schema` prints what may stand here.\n"
        "# ruff, black and isort leave what it writes as it is; keep other formatters off it, as with\n"
        f"# `exclude: /{package.replace('.', '/')}/` in .pre-commit-config.yaml.\n"
    )
    if not prefixes:
        return head + out.getvalue()
    shown = [f'#     "{prefix}": {{name: ...}}' for prefix in prefixes[:40]]
    tail = ["", "# Names, policies and more for single devices:", "# overrides:", "#   devices:", *shown]
    return head + out.getvalue() + "\n".join(tail) + "\n"
