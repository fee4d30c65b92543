"""Signals and commands over PV Access."""

from __future__ import annotations

import inspect
from typing import Any

from bluesky.protocols import Reading
from event_model import DataKey
from ophyd_async.core import (
    DEFAULT_TIMEOUT,
    NO_ARG_VOID_SIGNATURE,
    Callback,
    NotConnectedError,
    SignalDatatypeT,
    make_datakey,
)
from ophyd_async.epics.core import EpicsOptions, PvaCommandBackend, PvaSignalBackend

from beamwright_runtime._channel_user import ChannelUser, Unknown
from beamwright_runtime._errors import Fault, Reason
from beamwright_runtime._pva_channel import PvaChannel, PvaMonitor, specifier_of
from beamwright_runtime._pva_channels import PvaChannels
from beamwright_runtime._pva_types import ENUM, SCALAR, WHOLE, Conversion, convert, describe, served_name

_DEFAULT_OPTIONS: EpicsOptions[Any] = EpicsOptions()


class PvaUser(ChannelUser):
    """Uses channels over PV Access."""

    protocol = "pva"
    watched_by_monitor = True
    _channels: tuple[PvaChannel, ...] = ()

    def pool(self) -> PvaChannels:
        """Give the channels of the running event loop."""
        return PvaChannels.here()

    @property
    def watched(self) -> bool:
        """Whether a loss of its channels would be told."""
        return all(channel.watched for channel in self._channels)

    def doubt(self) -> None:
        """Take the channels as lost whose monitors do not answer."""
        for channel in self._channels:
            channel.pool.doubt(channel)

    async def _channel(self, position: int) -> PvaChannel:
        if not self._channels:
            raise NotConnectedError(f"{self._pv(self.names()[position])} has not been connected")
        if self._channels[0].pool is not PvaChannels.here():
            await self.connect_alone(DEFAULT_TIMEOUT)
        return self._channels[position]

    def recheck(self) -> None:
        """Ask the server again."""
        for channel in self._channels:
            channel.pool.ask_control(channel)
        self._fault = None
        self._move(0)


class PvaBackend(PvaUser, PvaSignalBackend[SignalDatatypeT]):
    """A signal over PV Access, on channels that are opened many at a time.

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

    def check(self) -> Fault | None:
        """Find how the declared type is served."""
        declared: Any = self.datatype
        verdicts: list[Conversion] = []
        for channel in self._channels:
            if channel.asked:
                raise Unknown
            if channel.error:
                return Fault(Reason.REFUSED, f"{self._pv(channel.name)}: {channel.error}")
            verdict = convert(declared, channel.type_id, channel.specifier, channel.control)
            if isinstance(verdict, Fault):
                return verdict
            verdicts.append(verdict)
        first, last = self._channels[0], self._channels[-1]
        if (first.type_id, first.specifier) != (last.type_id, last.specifier):
            return Fault(
                Reason.WRONG_TYPE,
                declared=f"{served_name(first.type_id, first.specifier, first.control)} like {self._pv(first.name)}",
                served=f"{served_name(last.type_id, last.specifier, last.control)} ({self._pv(last.name)})",
            )
        self.conversion = verdicts[0]
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

    async def _get(self, position: int, fields: str | None) -> Any:
        channel = await self._channel(position)
        return await channel.pool.get(channel, None if fields is None else f"field({fields})")

    def _reading(self, value: Any) -> Reading[SignalDatatypeT]:
        stamp, severity = value["timeStamp"], value["alarm"]["severity"]
        return {
            "value": self._conversion().value(value),
            "timestamp": stamp["secondsPastEpoch"] + stamp["nanoseconds"] * 1e-9,
            "alarm_severity": -1 if severity > 2 else severity,
        }

    async def get_value(self) -> SignalDatatypeT:
        """Read the value."""
        conversion = self._conversion()
        value: SignalDatatypeT = conversion.value(await self._get(0, conversion.fields))
        return value

    async def get_setpoint(self) -> SignalDatatypeT:
        """Read what was asked for."""
        conversion = self._conversion()
        value: SignalDatatypeT = conversion.value(await self._get(-1, conversion.fields))
        return value

    async def get_reading(self) -> Reading[SignalDatatypeT]:
        """Read the value with its time and severity."""
        return self._reading(await self._get(0, f"{self._conversion().fields},alarm,timeStamp"))

    async def get_datakey(self, source: str) -> DataKey:
        """Describe the signal: its type and shape, units, limits, precision and states.

        While the signal is watched the description is asked for once, so a scan does not ask at every point.
        """
        if self._described is not None:
            return self._described
        conversion = self._conversion()
        value = await self._get(0, None)
        metadata = describe(conversion.datatype, specifier_of(value), value)
        datakey = make_datakey(conversion.datatype, conversion.value(value), source, metadata)
        if self.subscription is not None:
            self._described = datakey
        return datakey

    async def put(self, value: SignalDatatypeT | None) -> None:
        """Write the setpoint; None writes what it has, which processes the record.

        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises ValueError: if the server has no such state; names the PV and the states it has.
        """
        conversion = self._conversion()
        channel = await self._channel(-1)
        sent = (await self._get(-1, "value"))["value"] if value is None else conversion.sent(value)
        wait = self.options.wait(value) if callable(self.options.wait) else self.options.wait
        try:
            await channel.pool.put(channel, sent, bool(wait), channel.type_id == ENUM)
        except Exception as error:
            if channel.type_id == ENUM and isinstance(value, str) and not isinstance(error, NotConnectedError):
                states = list((await self._get(-1, "value"))["value"]["choices"])
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
            channel = self._channels[0] if self._channels else None
            if channel is None:
                raise NotConnectedError(f"{self._pv(self.read_pv)} has not been connected")
            channel.require_up()
            self.subscription = PvaMonitor(
                channel,
                f"field({self._conversion().fields},alarm,timeStamp)",
                lambda value: callback(self._reading(value)),
            )


class PvaCommand(PvaUser, PvaCommandBackend):
    """A command over PV Access: executing it writes a number and waits until the record has processed.

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
        """Refuse what is no state, truth or whole number: it is not what starts something."""
        (channel,) = self._channels
        if channel.asked:
            raise Unknown
        if channel.error:
            return Fault(Reason.REFUSED, channel.error)
        if channel.type_id == ENUM or (channel.type_id == SCALAR and channel.specifier in ("?", *WHOLE)):
            return None
        served = served_name(channel.type_id, channel.specifier, channel.control)
        return Fault(Reason.WRONG_TYPE, declared="command", served=served)

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
        await channel.pool.put(channel, self._execute_value, True, channel.type_id == ENUM)
