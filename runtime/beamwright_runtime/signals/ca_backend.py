"""Signals and commands over Channel Access."""

from __future__ import annotations

import os
from typing import Any

from aioca import DBE_ALARM, DBE_VALUE, FORMAT_CTRL, FORMAT_RAW, FORMAT_TIME
from bluesky.protocols import Reading
from epicscorelibs.ca import dbr
from ophyd_async.core import Callback, SignalDatatypeT, SignalMetadata
from ophyd_async.epics.core import CaCommandBackend, CaSignalBackend

from beamwright_runtime.channels.ca.channel import CaChannel
from beamwright_runtime.channels.ca.pool import CaChannels
from beamwright_runtime.channels.user import PENDING, READY, ChannelUser, TypePending
from beamwright_runtime.errors import Fault, ReadRefusedError, Reason
from beamwright_runtime.signals.ca_conversion import (
    ASKS,
    TRIGGERS,
    CaConversion,
    convert,
    convert_served,
    decoder,
    needs_control,
    served_name,
)
from beamwright_runtime.signals.metadata import from_ca
from beamwright_runtime.signals.record_backend import DEFAULT_OPTIONS, RecordCommand, RecordSignal


class CaUser(ChannelUser):
    """Uses channels over Channel Access."""

    protocol = "ca"
    channels: tuple[CaChannel, ...]

    def recognise(self) -> bool | None:
        """Leave it to `channel_up`."""
        return None

    def pool(self) -> CaChannels:
        """Return the channels of the running event loop."""
        return CaChannels.here()


class CaBackend(CaUser, RecordSignal[SignalDatatypeT], CaSignalBackend[SignalDatatypeT]):
    """A signal over Channel Access, on channels that are opened many at a time."""

    def recognise(self) -> bool | None:
        """Look at what both sides serve, or ask what is missing; whoever calls this counts those that are ready."""
        channels = self.channels
        first, last = channels[0], channels[-1]
        served = first.served
        if served < 0 or self.status != PENDING:
            return None
        if last is not first and (last.served != served or last.control != first.control):
            return None
        declared = self.datatype if self.options is DEFAULT_OPTIONS else self.declared
        conversion = convert_served(declared, served, first.control)
        if conversion is None:
            return None
        if conversion is ASKS:
            for channel in channels:
                channel.pool.ask_control(channel)
            return False
        self.conversion = conversion
        self.status = READY
        return True

    def check(self) -> Fault | None:
        """Find how the declared type is served; ask for states and precisions first, for both sides at once."""
        asked = False
        for channel in self.channels:
            if channel.pending:
                asked = True
            elif (
                channel.readable
                and channel.control is None
                and needs_control(self.declared, channel.dbf, channel.count)
            ):
                channel.pool.ask_control(channel)
                asked = True
        if asked:
            raise TypePending
        return super().check()

    def _kind(self, channel: CaChannel) -> tuple[Any, ...]:
        return channel.dbf, channel.count > 1

    def _served(self, channel: CaChannel) -> str:
        return served_name(channel.dbf, channel.count)

    def _verdict(self, channel: CaChannel) -> CaConversion | Fault:
        control = channel.control if needs_control(self.declared, channel.dbf, channel.count) else None
        if not channel.readable:
            return Fault(Reason.REFUSED, f"no right to read {self._pv(channel.name)}")
        if isinstance(control, Exception):
            return Fault(Reason.REFUSED, control.reason if isinstance(control, ReadRefusedError) else str(control))
        return convert(self.declared, channel.dbf, channel.count > 1, control)

    async def _get(self, position: int, datatype: int, style: int) -> Any:
        channel = await self._channel(position)
        return await self.pool().requests.get(channel, *decoder(channel, datatype, style))

    async def _fetch(self, position: int) -> Any:
        return await self._get(position, self._known().read, FORMAT_RAW)

    async def _fetch_timed(self) -> Any:
        return await self._get(0, self._known().read, FORMAT_TIME)

    def _reading(self, value: Any) -> Reading[SignalDatatypeT]:
        return {
            "value": self._known().value(value),
            "timestamp": value.timestamp,
            "alarm_severity": -1 if value.severity > 2 else value.severity,
        }

    async def _describe(self) -> tuple[Any, SignalMetadata]:
        conversion = self._known()
        channel: CaChannel = await self._channel(0)
        if conversion.datatype is str and channel.dbf == dbr.DBR_ENUM and channel.count == 1:
            # As a text it would come without its states.
            index = await self._get(0, dbr.DBR_ENUM, FORMAT_CTRL)
            states = list(index.enums)
            return states[index] if index < len(states) else "", SignalMetadata(choices=states)
        value = await self._get(0, conversion.read, FORMAT_CTRL)
        return value, from_ca(self.datatype, value)

    async def _states(self, position: int) -> list[str] | None:
        channel = await self._channel(position)
        if channel.dbf != dbr.DBR_ENUM or channel.count > 1:
            return None
        return list((await self._get(position, dbr.DBR_ENUM, FORMAT_CTRL)).enums)

    async def _send(self, value: Any, wait: bool) -> None:
        conversion = self._known()
        channel = await self._channel(-1)
        sent = await self._fetch(-1) if value is None else value
        await self.pool().requests.put(channel, sent, conversion.write, wait)

    def _watch(self, callback: Callback[Reading[SignalDatatypeT]]) -> Any:
        channel: CaChannel = self._up_channel(0)
        kind, decode = decoder(channel, self._known().read, FORMAT_TIME)
        return self.pool().monitors.begin(
            channel,
            kind,
            DBE_VALUE | DBE_ALARM,
            decode,
            lambda value: callback(self._reading(value)),
            _all_updates(),
        )


def _all_updates() -> bool:
    return os.environ.get("OPHYD_ASYNC_EPICS_CA_KEEP_ALL_UPDATES", "True") == "True"


class CaCommand(CaUser, RecordCommand, CaCommandBackend):
    """A command over Channel Access."""

    def recognise(self) -> bool | None:
        """Look whether it starts something; whoever calls this counts those that are ready."""
        if self.status != PENDING or self.channels[0].served not in TRIGGERS:
            return None
        self.status = READY
        return True

    def check(self) -> Fault | None:
        """Check that the record takes a single whole number, as what starts something does."""
        (channel,) = self.channels
        if channel.pending:
            raise TypePending
        if channel.count > 1 or channel.dbf not in TRIGGERS:
            return Fault(Reason.WRONG_TYPE, declared="command", served=served_name(channel.dbf, channel.count))
        return None

    async def execute(self) -> None:
        """Write the number and wait.

        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises PutUnansweredError: if the channel is lost before the server answers.
        :raises PutRefusedError: if the server refuses.
        """
        channel = await self._channel(0)
        await self.pool().requests.put(channel, self._execute_value, None, True)
