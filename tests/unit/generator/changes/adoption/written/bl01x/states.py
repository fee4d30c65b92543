"""States as somebody wrote them."""

from ophyd_async.core import StrictEnum


class RunState(StrictEnum):
    HALT = "Stopped"
    GO = "Running"
    BROKEN = "Broken"
