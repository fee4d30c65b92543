"""What `gen` needs for live systems and for twins, asked for before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Final

CA_PACKAGES: Final = ("aioca", "epicscorelibs")
PVA_PACKAGES: Final = ("p4p",)
"""What asks running IOCs over each transport; the extra `live` installs it."""

TWIN_PACKAGES: Final = ("epicscorelibs", "h5py", "numpy", "p4p", "pvxslibs", "setuptools_dso")
"""What the IOCs of a twin are made of; the extra `twin` installs it."""


def missing(packages: Iterable[str]) -> str | None:
    """Return which packages are missing, such as `h5py, which is not installed`; None if all are installed."""
    names = [name for name in packages if not _is_installed(name)]
    if not names:
        return None
    if len(names) == 1:
        return f"{names[0]}, which is not installed"
    return f"{', '.join(names[:-1])} and {names[-1]}, which are not installed"


def install(extra: str) -> str:
    """Return the command that installs an extra; the quotes are for zsh."""
    return f'pip install "beamwright[{extra}]"'


def _is_installed(name: str) -> bool:
    if sys.modules.get(name) is not None:
        return True
    spec = find_spec(name)
    # A folder of that name without a module in it, such as a clone of the package, has no loader.
    return spec is not None and spec.loader is not None
