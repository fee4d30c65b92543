"""Several files replaced as one: all of them are there whole, or none has changed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Write files that exist, keeping their permissions; what a symbolic link leads to is written, not the link.

    :raises OSError: if one cannot be written; every file is as it was then.
    """
    staged: dict[Path, Path] = {}
    before: dict[Path, bytes] = {}
    try:
        for path, content in contents.items():
            target = path.resolve()
            before[target] = target.read_bytes()
            staged[target] = _staged(target, content)
        done: list[Path] = []
        try:
            for target, written in staged.items():
                written.replace(target)
                done.append(target)
        except OSError:
            for target in done:
                _staged(target, before[target]).replace(target)
            raise
    finally:
        for written in staged.values():
            written.unlink(missing_ok=True)


def _staged(target: Path, content: bytes) -> Path:
    """Write a file beside the one that it is to replace."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        shutil.copymode(target, name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
