"""Generated packages: how they may be called, and where they lie on disk."""

from __future__ import annotations

import keyword
import os
import sys
import tomllib
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

USUAL: Final = "beamwright_generated"
"""The package of a beamline file that names none, and of this project's own example."""

MANIFEST: Final = "_manifest.json"
GENERATED: Final = "by `gen "
"""What stands in the first three lines of every module and README that `gen` wrote."""

_IMPORTED: Final = frozenset(
    {"beamwright_generator", "beamwright_runtime", "beamwright_twin", "bluesky", "numpy", "ophyd_async"}
)
"""What generated modules, and who runs them, import: a package of such a name would hide it."""

_INSTALLED: Final = frozenset({"node_modules", "site-packages", "__pycache__"})


def is_passed_over(folder: Path) -> bool:
    """Return whether a folder holds nothing of the site's own: it is hidden, an environment, or installed by tools."""
    return folder.name.startswith(".") or folder.name in _INSTALLED or (folder / "pyvenv.cfg").exists()


def fault_of(name: str) -> str:
    """Return what keeps a text from being the name of a Python package, or an empty text.

    :param name: dotted or not, such as ``mysite.devices``.
    """
    for part in name.split("."):
        if not part.isidentifier() or not part.isascii():
            return f"{name!r} is not a Python package name: {part!r} is not an identifier"
        if keyword.iskeyword(part):
            return f"{name!r} is not a Python package name: {part} is a keyword of Python"
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return f"{name} would hide {top}, a module of Python's standard library"
    return f"{name} would hide {top}, which generated modules import" if top in _IMPORTED else ""


def owner_of(name: str, out: Path, repository: Path) -> str:
    """Return the installed distribution, other than the site's own, that a package's first name belongs to.

    A distribution is the site's own if the repository's ``pyproject.toml`` has its name, or if the package is imported
    from the folder that `gen` writes into, as in an editable installation. A namespace package belongs to nobody.
    """
    top = name.partition(".")[0]
    spec = PathFinder.find_spec(top) if name != USUAL else None
    if spec is None or spec.origin is None or Path(spec.origin).resolve().is_relative_to(out.resolve()):
        return ""
    owners = [owner for owner in packages_distributions().get(top, ()) if _plain(owner) != _project_name(repository)]
    return owners[0] if owners else ""


def _project_name(repository: Path) -> str:
    try:
        project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        return _plain(str(project.get("name", "")))
    except (OSError, ValueError, AttributeError):
        return ""


def _plain(distribution: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return distribution.lower().replace("_", "-").replace(".", "-")


def folder_of(out: Path, name: str) -> Path:
    """Return the folder of a package below the folder that is on Python's path."""
    return out.joinpath(*name.split("."))


def packages_below(folder: Path) -> Iterator[Path]:
    """Yield the generated packages below a folder, itself included, in the order of their paths.

    Hidden folders, environments and what package managers install are passed over.
    """
    for place, folders, files in os.walk(folder):
        if MANIFEST in files:
            yield Path(place)
            folders.clear()
        folders[:] = sorted(one for one in folders if not is_passed_over(Path(place) / one))


def is_generated(text: str) -> bool:
    """Return whether `gen` wrote a text; an empty one may be anybody's."""
    return not text.strip() or GENERATED in "\n".join(text.split("\n", 3)[:3])
