"""What the extras of beamwright install, asked for before anything needs it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

PACKAGES: Final = {
    "live": (
        "aioca",
        "bluesky",
        "cycler",
        "epicscorelibs",
        "event_model",
        "numpy",
        "ophyd_async",
        "p4p",
        "scanspec",
    ),
    "nexus": ("h5py",),
}
"""The packages that the runtime imports, by the extra that installs them."""


def require(what: str, extra: str) -> None:
    """Look for the packages of an extra, without importing them.

    :param what: needs them; the sentence begins with it.
    :raises ModuleNotFoundError: when any is missing, in a sentence that says how it is installed.
    """
    missing = [name for name in PACKAGES[extra] if not _is_installed(name)]
    if missing:
        names = ", ".join(missing[:-1]) + " and " * (len(missing) > 1) + missing[-1]
        are = "is" if len(missing) == 1 else "are"
        raise ModuleNotFoundError(
            f'{what} needs {names}, which {are} not installed: pip install "beamwright[{extra}]"', name=missing[0]
        )


def _is_installed(name: str) -> bool:
    if sys.modules.get(name) is not None:
        return True
    spec = find_spec(name)
    # A folder of that name without a module in it, such as a clone of the package, has no loader.
    return spec is not None and spec.loader is not None
