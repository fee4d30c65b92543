"""How far a device has come: from described to connected."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Stage(Enum):
    """How far a device has come."""

    NOT_BUILT = "not built"
    """Nobody has asked for it."""
    BUILT = "built"
    """It is there, but nobody has asked for a connection in the event loop that runs now."""
    QUEUED = "queued"
    """It is connected in the background as soon as those before it are."""
    CONNECTING = "connecting"
    """Its servers have been asked."""
    CONNECTED = "connected"
    """The last attempt succeeded, and no channel is known to be lost since."""
    UNHAPPY = "unhappy"
    """The last attempt failed, or channels were lost since; the next one may succeed."""


class DeviceState(NamedTuple):
    """How far a device has come, and what stopped it.

    :param stage: how far it has come.
    :param error: why it is unhappy, else `None`.
    """

    stage: Stage
    error: Exception | None = None

    def __str__(self) -> str:
        if self.error is None:
            return self.stage.value
        reason = str(self.error).strip() or type(self.error).__name__
        return f"{self.stage.value}, because {reason}"
