"""Committed files, read from git's own store: the working tree and the index are neither read nor touched."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path


class GitError(Exception):
    """Git is not there, or refuses; the message says why."""


def commit_of(revision: str, here: Path) -> str | None:
    """Return the commit that a revision names; None when it names none.

    :param here: a folder of the repository.
    :raises GitError: if git cannot be run.
    """
    wanted = f"{revision}^{{commit}}"
    done = _run(["rev-parse", "--verify", "--quiet", "--end-of-options", wanted], here, check=False)
    return done.decode().strip() or None


def listed(commit: str, here: Path) -> dict[str, str]:
    """Return the name that git has for the content of each file of a commit, by its path from the top."""
    found = {}
    for line in _run(["ls-tree", "-r", "-z", "--full-tree", commit], here).split(b"\0"):
        facts, tab, path = line.partition(b"\t")
        if tab and facts.split()[1] == b"blob":
            found[path.decode("utf-8", "surrogateescape")] = facts.split()[2].decode()
    return found


def contents(blobs: Sequence[str], here: Path) -> list[bytes]:
    """Return the contents that git has names for, in their order."""
    output = io.BytesIO(_run(["cat-file", "--batch"], here, given="".join(f"{blob}\n" for blob in blobs).encode()))
    found = []
    for _ in blobs:
        size = int(output.readline().split()[-1])
        found.append(output.read(size))
        output.read(1)
    return found


def export(commit: str, here: Path, to: Path) -> None:
    """Write all files of a commit into a folder, links as links, through an index of its own.

    An archive would leave out what ``.gitattributes`` keeps out of releases.
    """
    top = Path(_run(["rev-parse", "--show-toplevel"], here).decode().strip())
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        _run(["read-tree", "--no-sparse-checkout", commit], top, index=index)
        _run(["checkout-index", "--all", f"--prefix={to.resolve()}/"], top, index=index)


def prefix(here: Path) -> str:
    """Return where a folder is in its repository, such as ``beamlines/``; empty at the top."""
    return _run(["rev-parse", "--show-prefix"], here).decode().strip()


def _run(
    arguments: Sequence[str], here: Path, *, given: bytes = b"", check: bool = True, index: Path | None = None
) -> bytes:
    command = ["git", "--no-optional-locks", "-C", str(here), *arguments]
    environment = None if index is None else {**os.environ, "GIT_INDEX_FILE": str(index)}
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False, env=environment)
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    if check and done.returncode:
        raise GitError(done.stderr.decode("utf-8", "replace").strip().partition("\n")[0])
    return done.stdout
