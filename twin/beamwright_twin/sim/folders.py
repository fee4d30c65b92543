"""Folders that simulated file writers make."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path, depth: int) -> bool:
    """Make a folder as far as is allowed, and return whether it exists.

    :param depth: 0 for none; -n for up to n levels that are missing; n for any below the first n levels of the path.
    """
    missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
    there = len(folder.parents) - len(missing)
    if missing and (0 < len(missing) <= -depth or 0 < depth <= there):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    return folder.is_dir()
