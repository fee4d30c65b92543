"""What the start document says of NeXus under `nexus`; everything else is where bluesky and ophyd-async put it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, cast

Role = Literal["detector", "monitor", "axis", "none"]

KEY = "nexus"
"""Of the start document."""


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
    """Say what a plan's devices are; what its caller says under `nexus` of the metadata goes before.

    :param roles: of each device, by name.
    :param metadata: given to the plan.
    """
    given = cast("NexusFacts", (metadata or {}).get(KEY, {}))
    return {**given, "roles": {**roles, **given.get("roles", {})}}
