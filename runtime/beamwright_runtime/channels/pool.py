"""What a pool of channels does for those who use them and for the channels themselves, over either protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class ChannelPool(Protocol):
    """The channels of one protocol and event loop; all methods are called in that loop."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the channels belong to."""
        ...

    def open(self, names: Iterable[str]) -> Mapping[str, Any]:
        """Open channels that are not open yet; return all that are, by name."""
        ...

    def search_again(self, channels: Iterable[Any]) -> None:
        """Search for channels that are not up as if they had just been opened."""

    def ask_control(self, channel: Any) -> None:
        """Ask what the server has now; the channel's listeners are notified when it has answered."""

    def doubt(self, channel: Any) -> None:
        """Treat a channel as lost if its loss would go unnoticed."""

    def release(self, channel: Any) -> None:
        """Close a channel soon, unless somebody uses it again before that."""
