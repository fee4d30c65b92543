"""What documents carry between plans, a scanner and who reads them: roles of devices, and where frames are in files.

The start document says under `nexus` what devices are; everything else is where bluesky and ophyd-async put it. The
stream `fly_segments` has an event for each uninterrupted stretch of a fly scan. ADR 0022 and 0027: which rows count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

Role = Literal["detector", "monitor", "axis", "none"]

NEXUS = "nexus"
"""The key of the start document under which NeXus facts stand."""
SEGMENTS = "fly_segments"
"""The stream whose events are the segments of a fly scan."""


class NexusFacts(TypedDict, total=False):
    """The value of `nexus` in a start document; every part may be left out.

    A data key goes before its device wherever both may stand.
    """

    roles: dict[str, Role]
    """What a device or a data key is; "none" keeps it out of the instrument."""
    units: dict[str, str]
    """Units of data keys and axes whose documents do not tell them."""
    reads: dict[str, str]
    """Data keys that hold the read values of an axis, and which."""
    signal: str
    """The data key to plot first."""


def nexus_facts(roles: Mapping[str, Role], metadata: Mapping[str, Any] | None) -> NexusFacts:
    """Return the roles of a plan's devices; those that the caller gives under `nexus` of the metadata take precedence.

    :param roles: of each device, by name.
    :param metadata: given to the plan.
    """
    given = cast("NexusFacts", (metadata or {}).get(NEXUS, {}))
    return {**given, "roles": {**roles, **given.get("roles", {})}}


@dataclass(frozen=True)
class Segment:
    """One stretch: row `row + i` holds frame `start + i`, for as long as that is before `stop`.

    :param segment: its number in the run, from 0.
    :param start: scan index of its first frame.
    :param stop: scan index behind its last valid frame.
    :param row: row of the first frame, counted over the run: its `seq_num` less one.
    :param rows: rows that were written and stay; those beyond `stop - start` are surplus, taken again later.
    :param reason: what ended it: done, pause, beam, stop or failure.
    :param resource: which StreamResource of each data key holds the rows, counted from 0 in the order of documents.
    :param resource_row: row of the first frame in that resource.
    """

    segment: int
    start: int
    stop: int
    row: int
    rows: int
    reason: str
    resource: int
    resource_row: int


@dataclass(frozen=True)
class Places:
    """Where the frames of a scan are, one element for each scan index, -1 for frames that were not taken.

    :param row: counted over the run, as `seq_num` less one; and over all resources of a data key, one after the other.
    :param resource: which StreamResource of each data key, counted from 0 in the order of documents.
    :param resource_row: row in that resource.
    """

    row: NDArray[np.int64]
    resource: NDArray[np.int64]
    resource_row: NDArray[np.int64]


def places_of(segments: Iterable[Segment | Mapping[str, Any]], frames: int) -> Places:
    """Map each scan index to the resource and the row that hold its frame, whatever became of surplus rows.

    :param segments: as recorded, or the `data` of events of the stream `fly_segments`, keys without the prefix.
    :param frames: how many the scan has.
    :returns: arrays with one element for each scan index.
    """
    row, resource, resource_row = np.full((3, frames), -1, np.int64)
    for given in segments:
        one = given if isinstance(given, Segment) else Segment(**given)
        within = np.arange(one.stop - one.start)
        row[one.start : one.stop] = one.row + within
        resource[one.start : one.stop] = one.resource
        resource_row[one.start : one.stop] = one.resource_row + within
    return Places(row, resource, resource_row)


def rows_of(segments: Iterable[Segment | Mapping[str, Any]], frames: int) -> NDArray[np.int64]:
    """Map each scan index to the row that holds its frame, counted over the run and over all resources in order.

    :param segments: as recorded, or the `data` of events of the stream `fly_segments`, keys without the prefix.
    :param frames: how many the scan has.
    :returns: an array of `frames` rows, -1 for frames that were not taken.
    """
    return places_of(segments, frames).row
