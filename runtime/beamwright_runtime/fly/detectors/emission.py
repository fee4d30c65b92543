"""When rows are made known by documents, and what becomes of rows that are taken again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Emission:
    """How far documents stay behind the files while frames are taken; both 0 is eager.

    A rewind goes no further back than the margin says, so with a margin of at least that size no row is ever made known
    before it is certain whether it is valid. Nothing is held back once a segment has ended.

    :param frames: rows to stay behind.
    :param seconds: time to stay behind.
    """

    frames: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.frames < 0 or self.seconds < 0:
            raise ValueError("documents cannot be ahead of the files: frames and seconds are 0 or more")


EAGER = Emission()


class Surplus(Enum):
    """What becomes of rows whose frames are taken again."""

    APPEND = "append"
    """They stay, and are described; the stream `fly_segments` tells which rows are valid."""

    NEW_FILE = "new_file"
    """They stay at the end of their files; the frames that are taken again begin new files, of all detectors."""

    OVERWRITE = "overwrite"
    """Rows that no document tells of are written over; needs documents that stay behind, and data logics that can."""


@runtime_checkable
class Overwrites(Protocol):
    """What a data logic has whose file can be set back, so that rows are written over.

    A scanner calls it between flights, while the detector is disarmed and its file open.
    """

    async def set_back(self, collections: int) -> None:
        """Set how many collections are before the next one; those beyond are gone, or are written over.

        When it returns, `collections_written_signal` of its provider tells this number, and counts on from there.

        :param collections: how many stay in the file.
        """
        ...
