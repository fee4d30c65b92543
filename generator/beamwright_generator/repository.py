"""The repository around a file: the folder that all names of files begin at."""

from __future__ import annotations

import os
import re
from pathlib import Path

from beamwright_generator.packages import USUAL, folder_of
from beamwright_generator.tree import Manifest

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
    for candidate in path.parents:
        out = path.parent / keys["out"] if keys.get("out") else candidate / "generated"
        manifest = Manifest.read(folder_of(Path(os.path.normpath(out)), keys.get("package") or USUAL))
        if path.relative_to(candidate).as_posix() in manifest.beamlines.get(keys.get("name", ""), {}).get("inputs", ()):
            return candidate
    return repository(path)
