"""Generated files read, and replaced in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def read(path: Path) -> str | None:
    """Read a generated file; None when it is not there or not text."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        return ""


def replace_file(target: Path, text: str) -> None:
    """Write a file in one step: it is there whole, or as it was before; its folder exists."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
