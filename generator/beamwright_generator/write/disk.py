"""Files on disk: read, and replaced in one step, alone or several as one."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path


def read(path: Path) -> str | None:
    """Read a generated file.

    :returns: None if it is missing; empty if it is not text or cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        return ""


def replace_file(target: Path, text: str) -> None:
    """Write a file in one step: it is there whole, or as it was before.

    :param target: in a folder that exists; the file itself may be new.
    :raises OSError: if it cannot be written.
    """
    umask = os.umask(0)
    os.umask(umask)
    staged = _stage(target, text.encode(), 0o666 & ~umask)
    try:
        staged.replace(target)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Write files that exist, keeping their permissions; of a symbolic link, the file that it leads to.

    :raises OSError: if one cannot be written; every file is as it was then.
    """
    staged: dict[Path, Path] = {}
    before: dict[Path, bytes] = {}
    try:
        for path, content in contents.items():
            target = path.resolve()
            before[target] = target.read_bytes()
            staged[target] = _stage(target, content, _mode(target))
        done: list[Path] = []
        try:
            for target, written in staged.items():
                written.replace(target)
                done.append(target)
        except OSError:
            for target in done:
                _stage(target, before[target], _mode(target)).replace(target)
            raise
    finally:
        for written in staged.values():
            written.unlink(missing_ok=True)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _stage(target: Path, content: bytes, mode: int) -> Path:
    """Write a temporary file beside the one that it is to replace, and return its path."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        staged.chmod(mode)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    return staged
