"""Values of PVs of any IOC of the twin, for attributes of frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beamwright_twin.records.record_access import RecordChannel

if TYPE_CHECKING:
    from p4p.client.thread import Context


class PvValues:
    """The newest values of PVs: those of this IOC are read when they are asked for, the others are monitored."""

    def __init__(self) -> None:
        self._own: dict[str, RecordChannel] = {}
        self._others: dict[str, Any] = {}
        self._context: Context | None = None
        self._subscriptions: list[Any] = []

    def watch(self, pv: str) -> None:
        """Follow a PV from now on."""
        if pv in self._own or pv in self._others:
            return
        try:
            self._own[pv] = RecordChannel(pv)
        except LookupError:
            self._others[pv] = None
            self._monitor(pv)

    def _monitor(self, pv: str) -> None:
        from p4p.client.thread import Context

        if self._context is None:
            self._context = Context("pva")

        def heard(value: Any) -> None:
            self._others[pv] = None if isinstance(value, Exception) else value

        # A subscription that nobody holds ends.
        self._subscriptions.append(self._context.monitor(pv, heard, notify_disconnect=True))

    def value(self, pv: str, dtype: str) -> float | str:
        """Return the value of a PV that is watched, the first element of an array.

        :param dtype: numpy's name of the type it is to be; without a value it is no text, 0 or NaN.
        """
        text = dtype.startswith("S")
        if pv in self._own:
            found: Any = self._own[pv].text() if text else self._own[pv].get()
            found = found[0] if isinstance(found, list) else found
        else:
            found = self._others.get(pv)
        if text:
            return "" if found is None else str(found)
        try:
            return float(found)
        except (TypeError, ValueError):
            return math.nan if dtype.startswith("f") else 0
