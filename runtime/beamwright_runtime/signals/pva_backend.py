"""Signals and commands over PV Access."""

from __future__ import annotations

import time
from typing import Any

from bluesky.protocols import Reading
from ophyd_async.core import Callback, SignalDatatypeT, SignalMetadata
from ophyd_async.epics.core import PvaCommandBackend, PvaSignalBackend

from beamwright_runtime.channels.pva.channel import PvaChannel, specifier_of
from beamwright_runtime.channels.pva.pool import PvaChannels
from beamwright_runtime.channels.user import ChannelUser, TypePending
from beamwright_runtime.errors import Fault, Reason
from beamwright_runtime.signals.metadata import from_pva
from beamwright_runtime.signals.pva_conversion import ENUM, SCALAR, WHOLE, PvaConversion, convert, served_name
from beamwright_runtime.signals.record_backend import RecordCommand, RecordSignal


class PvaUser(ChannelUser):
    """Uses channels over PV Access."""

    protocol = "pva"
    watched_by_monitor = True
    channels: tuple[PvaChannel, ...]

    def pool(self) -> PvaChannels:
        """Return the channels of the running event loop."""
        return PvaChannels.here()

    @property
    def watched(self) -> bool:
        """Whether its channels are monitored, so that a disconnection is noticed."""
        return all(channel.watched for channel in self.channels)

    def _served(self, channel: PvaChannel) -> str:
        return served_name(channel.type_id, channel.specifier, channel.control)


class PvaBackend(PvaUser, RecordSignal[SignalDatatypeT], PvaSignalBackend[SignalDatatypeT]):
    """A signal over PV Access, on channels that are opened many at a time."""

    def _kind(self, channel: PvaChannel) -> tuple[Any, ...]:
        return channel.type_id, channel.specifier

    def _verdict(self, channel: PvaChannel) -> PvaConversion | Fault:
        if channel.pending:
            raise TypePending
        if channel.error:
            return Fault(Reason.REFUSED, f"{self._pv(channel.name)}: {channel.error}")
        return convert(self.declared, channel.type_id, channel.specifier, channel.control)

    async def _get(self, position: int, request: str | None) -> Any:
        channel = await self._channel(position)
        return await self.pool().requests.get(channel, request)

    async def _fetch(self, position: int) -> Any:
        return await self._get(position, f"field({self._known().fields})")

    def _timed_fields(self) -> str:
        return f"field({self._known().fields},alarm,timeStamp)"

    async def _fetch_timed(self) -> Any:
        return await self._get(0, self._timed_fields())

    def _reading(self, value: Any) -> Reading[SignalDatatypeT]:
        # A structure need not have a time and a severity.
        stamp, severity = value.get("timeStamp"), value.get("alarm.severity", 0)
        return {
            "value": self._known().value(value),
            "timestamp": stamp["secondsPastEpoch"] + stamp["nanoseconds"] * 1e-9 if stamp else time.time(),
            "alarm_severity": -1 if severity > 2 else severity,
        }

    async def _describe(self) -> tuple[Any, SignalMetadata]:
        conversion = self._known()
        value = await self._get(0, None)
        return value, from_pva(conversion.datatype, specifier_of(value), value)

    async def _states(self, position: int) -> list[str] | None:
        channel = await self._channel(position)
        if channel.type_id != ENUM:
            return None
        return list((await self._get(position, "field(value)"))["value"]["choices"])

    async def _send(self, value: Any, wait: bool) -> None:
        channel = await self._channel(-1)
        sent = (await self._get(-1, "field(value)"))["value"] if value is None else value
        await self.pool().requests.put(channel, sent, wait, channel.type_id == ENUM)

    def _watch(self, callback: Callback[Reading[SignalDatatypeT]]) -> Any:
        channel: PvaChannel = self._up_channel(0)
        return self.pool().monitor(channel, self._timed_fields(), lambda value: callback(self._reading(value)))


class PvaCommand(PvaUser, RecordCommand, PvaCommandBackend):
    """A command over PV Access."""

    def check(self) -> Fault | None:
        """Check that the PV takes a state, a bool or a whole number, as what starts something does."""
        (channel,) = self.channels
        if channel.pending:
            raise TypePending
        if channel.error:
            return Fault(Reason.REFUSED, channel.error)
        if channel.type_id == ENUM or (channel.type_id == SCALAR and channel.specifier in ("?", *WHOLE)):
            return None
        return Fault(Reason.WRONG_TYPE, declared="command", served=self._served(channel))

    async def execute(self) -> None:
        """Write the number and wait.

        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises PutUnansweredError: if the channel is lost before the server answers.
        :raises PutRefusedError: if the server refuses.
        """
        channel = await self._channel(0)
        await self.pool().requests.put(channel, self._execute_value, True, channel.type_id == ENUM)
