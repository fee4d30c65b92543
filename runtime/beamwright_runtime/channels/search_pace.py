"""How fast names are searched for.

ADR 0012 rules here.
"""

from __future__ import annotations


class SearchPace:
    """How many names are searched for at a time, so that tens of thousands do not storm the network.

    :param batch: names that are handed to the client library together.
    :param pause: between two batches, in seconds.
    """

    def __init__(self, batch: int = 20_000, pause: float = 0.0) -> None:
        self.batch = batch
        self.pause = pause
        self.busy = False
        """Whether a further batch is due."""
