"""Signals and commands over Channel Access."""

from __future__ import annotations

import inspect
import os
from math import isnan, nan
from typing import Any

from aioca import DBE_ALARM, DBE_VALUE, FORMAT_CTRL, FORMAT_RAW, FORMAT_TIME, CANothing
from bluesky.protocols import Reading
from epicscorelibs.ca import dbr
from event_model import DataKey, Limits, LimitsRange
from ophyd_async.core import (
    DEFAULT_TIMEOUT,
    NO_ARG_VOID_SIGNATURE,
    Callback,
    NotConnectedError,
    SignalDatatypeT,
    SignalMetadata,
    make_datakey,
)
from ophyd_async.epics.core import CaCommandBackend, CaSignalBackend, EpicsOptions

from beamwright_runtime._ca_channel import Channel
from beamwright_runtime._ca_channels import CaChannels
from beamwright_runtime._ca_types import (
    TRIGGERS,
    Conversion,
    convert,
    convert_plainly,
    decoder,
    needs_control,
    served_name,
)
from beamwright_runtime._channel_user import READY, UP, ChannelUser, Unknown
from beamwright_runtime._errors import Fault, Reason

_DEFAULT_OPTIONS: EpicsOptions[Any] = EpicsOptions()


class CaUser(ChannelUser):
    """Uses channels over Channel Access."""

    protocol = "ca"
    _channels: tuple[Channel, ...] = ()

    def pool(self) -> CaChannels:
        """Give the channels of the running event loop."""
        return CaChannels.here()

    def _require(self, position: int) -> Channel:
        if not self._channels:
            raise NotConnectedError(f"{self._pv(self.names()[position])} has not been connected")
        channel = self._channels[position]
        channel.require_up()
        return channel

    async def _channel(self, position: int) -> Channel:
        """Give a channel that is up; in an event loop other than the one it was connected in, it is opened there."""
        if self._channels and self._channels[0].pool is not CaChannels.here():
            await self.connect_alone(DEFAULT_TIMEOUT)
        return self._require(position)

    def recheck(self) -> None:
        """Ask the server again, for states and precision or just for a value."""
        for channel in self._channels:
            channel.control = None
            channel.pool.requests.ask_control(channel)
        self._fault = None
        self._move(0)


def _control(channel: Channel, declared: Any) -> Any:
    """Give the states or precision that a check needs, or raise `Unknown` and ask for them."""
    if channel.asked:
        raise Unknown
    if not needs_control(declared, channel.dbf, channel.count):
        return None
    if channel.control is None:
        channel.pool.requests.ask_control(channel)
        raise Unknown
    return channel.control


class CaBackend(CaUser, CaSignalBackend[SignalDatatypeT]):
    """A signal over Channel Access, on channels that are opened many at a time.

    :param datatype: what values are; None for whatever the server has.
    :param read_pv: the PV to read and watch.
    :param write_pv: the PV to write.
    :param options: whether a put waits for the record to process.
    """

    # Class attributes, because a beamline has tens of thousands of backends of which few are ever read.
    options: EpicsOptions[Any] = _DEFAULT_OPTIONS
    conversion: Conversion | None = None
    subscription: Any = None
    _described: DataKey | None = None

    def __init__(
        self,
        datatype: type[SignalDatatypeT] | None,
        read_pv: str = "",
        write_pv: str = "",
        options: EpicsOptions[Any] | None = None,
    ) -> None:
        self.datatype = datatype
        self.read_pv = read_pv
        self.write_pv = write_pv
        if options is not None:
            self.options = options

    def names(self) -> tuple[str, ...]:
        """Give the readback's name, and the setpoint's if it is another."""
        return (self.read_pv,) if self.read_pv == self.write_pv else (self.read_pv, self.write_pv)

    def channel_up(self, channel: Channel) -> None:
        """Check as soon as all channels are up; most need no more than a look at what is served."""
        channels = self._channels
        first, last = channels[0], channels[-1]
        if first.state != UP or last.state != UP:
            return
        array = first.count > 1
        if (
            first.dbf == last.dbf
            and array == (last.count > 1)
            and first.readable
            and last.readable
            and not first.asked
            and not last.asked
        ):
            declared: Any = self.datatype
            plain = convert_plainly(declared, first.dbf, array)
            if plain is not None:
                self.conversion = plain
                self._fault = None
                self._move(READY)
                return
        super().channel_up(channel)

    def check(self) -> Fault | None:
        """Find how the declared type is served."""
        declared: Any = self.datatype
        channels = self._channels
        first = channels[0]
        controls = [_control(channel, declared) for channel in channels]
        for channel, control in zip(channels, controls, strict=True):
            if not channel.readable:
                return Fault(Reason.REFUSED, f"no right to read {self._pv(channel.name)}")
            if isinstance(control, Exception):
                return Fault(Reason.REFUSED, str(control))
        if len(channels) == 2:
            last = channels[1]
            if (first.dbf, first.count > 1) != (last.dbf, last.count > 1):
                return Fault(
                    Reason.WRONG_TYPE,
                    declared=f"{served_name(first.dbf, first.count)} like {self._pv(first.name)}",
                    served=f"{served_name(last.dbf, last.count)} ({self._pv(last.name)})",
                )
            if isinstance(controls[0], tuple):
                # The setpoint must take what is declared too; its own states say whether.
                verdict = convert(declared, last.dbf, False, controls[1])
                if isinstance(verdict, Fault):
                    return verdict
        verdict = convert(declared, first.dbf, first.count > 1, controls[0])
        if isinstance(verdict, Fault):
            return verdict
        self.conversion = verdict
        return None

    async def connect(self, timeout: float) -> None:
        """Connect this signal by itself.

        :param timeout: in seconds.
        :raises NotConnectedError: names the PV and what is wrong.
        """
        await self.connect_alone(timeout)

    def _conversion(self) -> Conversion:
        if self.conversion is None:
            raise NotConnectedError(f"{self._pv(self.read_pv)} has not been connected")
        return self.conversion

    async def _get(self, position: int, style: int) -> Any:
        conversion = self._conversion()
        channel = await self._channel(position)
        return await channel.pool.requests.get(channel, *decoder(channel, conversion.read, style))

    def _reading(self, value: Any) -> Reading[SignalDatatypeT]:
        return {
            "value": self._conversion().value(value),
            "timestamp": value.timestamp,
            "alarm_severity": -1 if value.severity > 2 else value.severity,
        }

    async def get_value(self) -> SignalDatatypeT:
        """Read the value."""
        value: SignalDatatypeT = self._conversion().value(await self._get(0, FORMAT_RAW))
        return value

    async def get_setpoint(self) -> SignalDatatypeT:
        """Read what was asked for."""
        value: SignalDatatypeT = self._conversion().value(await self._get(-1, FORMAT_RAW))
        return value

    async def get_reading(self) -> Reading[SignalDatatypeT]:
        """Read the value with its time and severity."""
        return self._reading(await self._get(0, FORMAT_TIME))

    async def get_datakey(self, source: str) -> DataKey:
        """Describe the signal: its type and shape, units, limits, precision and states.

        While the signal is watched the description is asked for once, so a scan does not ask at every point.
        """
        if self._described is not None:
            return self._described
        conversion = self._conversion()
        value = await self._get(0, FORMAT_CTRL)
        metadata = _metadata(self.datatype, value, conversion.metadata)
        channel = self._channels[0]
        states_served = channel.dbf == dbr.DBR_ENUM and channel.count == 1 and conversion.datatype is str
        if states_served and "choices" not in metadata:
            metadata["choices"] = await self._states(0)
        datakey = make_datakey(conversion.datatype, conversion.value(value), source, metadata)
        if self.subscription is not None:
            self._described = datakey
        return datakey

    async def _states(self, position: int) -> list[str]:
        """Ask for the states as they are now: a driver may replace them at any time."""
        channel = await self._channel(position)
        value = await channel.pool.requests.get(channel, *decoder(channel, dbr.DBR_ENUM, FORMAT_CTRL))
        return list(value.enums)

    async def put(self, value: SignalDatatypeT | None) -> None:
        """Write the setpoint; None writes what it has, which processes the record.

        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises ValueError: if the server has no such state; names the PV and the states it has.
        :raises aioca.CANothing: if the server refuses the value.
        """
        conversion = self._conversion()
        channel = await self._channel(-1)
        if value is None:
            sent: Any = await self._get(-1, FORMAT_RAW)
        else:
            sent = conversion.sent(value)
        wait = self.options.wait(value) if callable(self.options.wait) else self.options.wait
        try:
            await channel.pool.requests.put(channel, sent, conversion.write, wait)
        except CANothing as error:
            if channel.dbf == dbr.DBR_ENUM and isinstance(value, str):
                states = await self._states(-1)
                if value not in states:
                    raise ValueError(
                        f"{self._pv(channel.name)} has no state {str(value)!r}, it has {states}"
                    ) from error
            raise

    def set_callback(self, callback: Callback[Reading[SignalDatatypeT]] | None) -> None:
        """Watch the value, until called with None."""
        if callback and self.subscription:
            raise RuntimeError("Cannot set a callback when one is already set")
        if self.subscription:
            self.subscription.close()
            self.subscription = self._described = None
        if callback:
            conversion = self._conversion()
            channel = self._require(0)
            kind, decode = decoder(channel, conversion.read, FORMAT_TIME)
            self.subscription = channel.pool.monitors.begin(
                channel,
                kind,
                DBE_VALUE | DBE_ALARM,
                decode,
                lambda value: callback(self._reading(value)),
                _all_updates(),
            )


def _all_updates() -> bool:
    return os.environ.get("OPHYD_ASYNC_EPICS_CA_KEEP_ALL_UPDATES", "True") == "True"


def _limits(value: Any) -> Limits:
    limits = Limits()
    for name, field in (("alarm", "alarm"), ("control", "ctrl"), ("display", "disp"), ("warning", "warning")):
        low = getattr(value, f"lower_{field}_limit", nan)
        high = getattr(value, f"upper_{field}_limit", nan)
        if not (isnan(low) and isnan(high)) and not high == low == 0:
            limits[name] = LimitsRange(low=None if isnan(low) else low, high=None if isnan(high) else high)  # type: ignore[literal-required]
    return limits


def _metadata(declared: Any, value: Any, known: SignalMetadata) -> SignalMetadata:
    metadata = known.copy()
    if hasattr(value, "units") and declared not in (str, bool):
        metadata["units"] = value.units
    if hasattr(value, "precision") and not isnan(value.precision) and declared is not int:
        metadata["precision"] = value.precision
    if (limits := _limits(value)) and declared is not bool:
        metadata["limits"] = limits
    return metadata


class CaCommand(CaUser, CaCommandBackend):
    """A command over Channel Access: executing it writes a number and waits until the record has processed.

    :param write_pv: the PV to write.
    :param execute_value: the number.
    """

    _execute_value = 1
    signature: inspect.Signature | None = NO_ARG_VOID_SIGNATURE

    def __init__(self, write_pv: str = "", execute_value: int = 1) -> None:
        self.write_pv = write_pv
        if execute_value != 1:
            self._execute_value = execute_value

    def names(self) -> tuple[str, ...]:
        """Give the name of the record."""
        return (self.write_pv,)

    def check(self) -> Fault | None:
        """Refuse what is no single whole number: it is not what starts something."""
        (channel,) = self._channels
        if channel.asked:
            raise Unknown
        if channel.count > 1 or channel.dbf not in TRIGGERS:
            return Fault(Reason.WRONG_TYPE, declared="command", served=served_name(channel.dbf, channel.count))
        return None

    async def connect(self, timeout: float) -> None:
        """Connect this command by itself.

        :param timeout: in seconds.
        :raises NotConnectedError: names the PV and what is wrong.
        """
        await self.connect_alone(timeout)

    async def execute(self) -> None:
        """Write the number and wait.

        :raises NotConnectedError: at once if the channel is down; names the PV.
        """
        channel = await self._channel(0)
        await channel.pool.requests.put(channel, self._execute_value, None, True)
