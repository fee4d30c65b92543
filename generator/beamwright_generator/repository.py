"""The repository around a file, which the names of files begin at, and what was generated in it."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from beamwright_generator.basics.packages import USUAL, folder_of, packages_below
from beamwright_generator.write.manifest import Manifest

_KEY = re.compile(r"^(name|out|package):[ \t]*(?:\"([^\"]*)\"|'([^']*)'|([^\s#]+))", re.MULTILINE)


def repository(path: Path) -> Path:
    """Return the repository around a path, which has a ``.git`` or a ``pyproject.toml``, or else the path's folder."""
    folder = path.resolve().parent
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists() or (candidate / "pyproject.toml").is_file():
            return candidate
    return folder


def repository_of(beamline: Path) -> Path:
    """Return the folder that the names of a beamline's files begin at.

    Where the beamline was generated before, it is the folder that the manifest's names begin at: a copy without
    ``.git``, or with a ``pyproject.toml`` more, gives the same bytes. Else it is the repository around the file.
    """
    path = beamline.resolve()
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return repository(path)
    keys = {found[1]: found[2] or found[3] or found[4] for found in _KEY.finditer(text)}
    read = cache(Manifest.read)  # with `out`, it is the same for all
    for candidate in path.parents:
        out = path.parent / keys["out"] if keys.get("out") else candidate / "generated"
        manifest = read(folder_of(Path(os.path.normpath(out)), keys.get("package") or USUAL))
        if path.relative_to(candidate).as_posix() in manifest.beamlines.get(keys.get("name", ""), {}).get("inputs", ()):
            return candidate
    return repository(path)


def file_of(name: str, here: Path) -> Path | None:
    """Return the beamline file of a generated beamline by its name; None where there is none, or more than one.

    :param here: a folder of the repository.
    """
    files = files_of(name, here)
    return files[0] if len(files) == 1 else None


def files_of(name: str, here: Path) -> list[Path]:
    """Return the beamline files of generated beamlines of a name, as the headers of what was generated give them."""
    root = repository(here / name)
    sources = (_source_in(package / "beamlines" / f"{name}.py") for package in packages_below(root))
    return sorted({root / source for source in sources if source and (root / source).is_file()})


def _source_in(module: Path) -> str:
    if not module.is_file():
        return ""
    lines = module.read_text(encoding="utf-8").splitlines()[:5]
    return next((line.removeprefix("# Source: ") for line in lines if line.startswith("# Source: ")), "")


def generated_beamlines(here: Path) -> list[str]:
    """Name the beamlines that were generated in the repository around a folder."""
    packages = packages_below(repository(here / "beamline"))
    found = (path.stem for package in packages for path in (package / "beamlines").glob("*.py"))
    return sorted({name for name in found if name != "__init__"})
