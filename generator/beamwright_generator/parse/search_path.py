"""Where EPICS looks for the file that a name stands for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from beamwright_generator.parse.description_files import DescriptionFiles, is_file


def find_file(files: DescriptionFiles, name: str, search: Sequence[Path], cwd: Path, beside: Path) -> Path | None:
    """Find a database, template or substitutions file.

    A name with a slash is opened from the working folder and any other along the search path, as in an IOC. Where
    that finds nothing, the folder of the file that names it counts, and for a name with a slash the search path too.

    :param search: folders in order; relative ones count from the working folder.
    :param beside: the folder of the file that holds the name.
    """
    along = [cwd / folder / name for folder in search]
    candidates = [cwd / name, beside / name, *along] if "/" in name else [*along, beside / name]
    if not search:
        candidates.insert(0, cwd / name)
    for candidate in candidates:
        if files.exists(candidate):
            return candidate
    # A file outside the roots is named, so that reading it says why it is not read.
    return next((candidate for candidate in candidates if is_file(candidate)), None)
