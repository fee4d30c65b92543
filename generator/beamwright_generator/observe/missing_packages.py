"""What to say where the packages that talk to live systems are not installed."""

from __future__ import annotations

from collections.abc import Iterable

from beamwright_generator.basics.optional_packages import install, missing
from beamwright_generator.problems import Problems


def report_not_installed(packages: Iterable[str], problems: Problems) -> bool:
    """Report missing packages and return whether any is missing."""
    said = missing(packages)
    if said is not None:
        problems.error("live-not-installed", None, f"asking live systems needs {said}", hint=install("live"))
    return said is not None
