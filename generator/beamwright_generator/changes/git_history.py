"""Committed files, read from git's own store: the working tree and the index are neither read nor touched."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path


class GitError(Exception):
    """Git is not there, or refuses; the message says why."""


def commit_of(revision: str, here: Path) -> str | None:
    """Give the commit that a revision names; None when it names none.

    :param here: a folder of the repository.
    :raises GitError: if git cannot be run.
    """
    wanted = f"{revision}^{{commit}}"
    done = _run(["rev-parse", "--verify", "--quiet", "--end-of-options", wanted], here, check=False)
    return done.decode().strip() or None


def listed(commit: str, here: Path) -> dict[str, str]:
    """Give the name that git has for the content of each file of a commit, by its path from the top."""
    found = {}
    for line in _run(["ls-tree", "-r", "-z", "--full-tree", commit], here).split(b"\0"):
        facts, tab, path = line.partition(b"\t")
        if tab and facts.split()[1] == b"blob":
            found[path.decode("utf-8", "surrogateescape")] = facts.split()[2].decode()
    return found


def contents(blobs: Sequence[str], here: Path) -> list[bytes]:
    """Give the contents that git has names for, in their order."""
    output = io.BytesIO(_run(["cat-file", "--batch"], here, given="".join(f"{blob}\n" for blob in blobs).encode()))
    found = []
    for _ in blobs:
        size = int(output.readline().split()[-1])
        found.append(output.read(size))
        output.read(1)
    return found


def export(commit: str, here: Path, to: Path) -> None:
    """Write all files of a commit into a folder."""
    top = Path(_run(["rev-parse", "--show-toplevel"], here).decode().strip())
    with tarfile.open(fileobj=io.BytesIO(_run(["archive", "--format=tar", commit], top))) as archive:
        archive.extractall(to, filter="data")


def prefix(here: Path) -> str:
    """Give where a folder is in its repository, such as ``beamlines/``; empty at the top."""
    return _run(["rev-parse", "--show-prefix"], here).decode().strip()


def _run(arguments: Sequence[str], here: Path, *, given: bytes = b"", check: bool = True) -> bytes:
    command = ["git", "--no-optional-locks", "-C", str(here), *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False)
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    if check and done.returncode:
        raise GitError(done.stderr.decode("utf-8", "replace").strip().partition("\n")[0])
    return done.stdout
