"""What signals and commands on records have in common over Channel Access and PV Access.

ADR 0011 and 0028 rule here.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from typing import Any, cast

import numpy as np
from bluesky.protocols import Reading
from event_model import DataKey
from ophyd_async.core import (
    NO_ARG_VOID_SIGNATURE,
    Callback,
    NotConnectedError,
    SignalBackend,
    SignalDatatypeT,
    SignalMetadata,
    make_datakey,
)
from ophyd_async.epics.core import EpicsOptions

from beamwright_runtime.channels.user import ChannelUser
from beamwright_runtime.errors import Fault, PutFailedError, PutRefusedError, ReadRefusedError, Reason
from beamwright_runtime.signals.driver_enum import DriverStates

LAG = 0.05
"""Seconds that a put waits at most for the update that it has caused: a server's deadband may hold it back."""
DEFAULT_OPTIONS: EpicsOptions[Any] = EpicsOptions()


class RecordSignal(ChannelUser, SignalBackend[SignalDatatypeT]):
    """A signal on one record, or on a setpoint and its readback. A protocol says how values are fetched and sent.

    :param datatype: what values are; None for whatever the server has.
    :param read_pv: the PV to read and watch.
    :param write_pv: the PV to write.
    :param options: whether a put waits for the record to process.
    """

    # Class attributes, because a beamline has tens of thousands of backends of which few are ever read.
    options: EpicsOptions[Any] = DEFAULT_OPTIONS
    subscription: Any = None
    _described: SignalMetadata | None = None
    """Units, limits and so on, kept while the signal is watched."""
    _latest: tuple[SignalDatatypeT, float] | None = None
    """The last value that was told and its time, while the signal is watched."""
    _updated: asyncio.Event | None = None
    """Set by each update, while the signal is watched."""

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
        self.conversion: Any = None
        self.init_use()
        if options is not None:
            self.options = options

    # -- what a protocol brings

    def _kind(self, channel: Any) -> tuple[Any, ...]:
        """Return what a setpoint and its readback must have in common."""
        raise NotImplementedError

    def _served(self, channel: Any) -> str:
        """Name what a channel serves."""
        raise NotImplementedError

    def _verdict(self, channel: Any) -> Any:
        """Return how a channel serves what is declared: a conversion or a fault.

        :raises TypePending: if the server has not said yet.
        """
        raise NotImplementedError

    async def _fetch(self, position: int) -> Any:
        """Ask for the value of a channel."""
        raise NotImplementedError

    async def _fetch_timed(self) -> Any:
        """Ask for the readback with its time and severity."""
        raise NotImplementedError

    async def _describe(self) -> tuple[Any, SignalMetadata]:
        """Ask for the readback with all that describes it: a value, and its metadata."""
        raise NotImplementedError

    async def _states(self, position: int) -> list[str] | None:
        """Ask for the states as they are now, for a driver may replace them at any time; None for no enum."""
        raise NotImplementedError

    async def _send(self, value: Any, wait: bool) -> None:
        """Write the setpoint, as its conversion made it; None writes what it has."""
        raise NotImplementedError

    def _watch(self, callback: Callback[Reading[SignalDatatypeT]]) -> Any:
        """Subscribe to the readback; gives what is closed to end it."""
        raise NotImplementedError

    def _reading(self, value: Any) -> Reading[SignalDatatypeT]:
        """Make a reading of a value with its time and severity."""
        raise NotImplementedError

    # -- what signals need

    @property
    def declared(self) -> Any:
        """What is compared with what is served: the type, or that it is the driver's choice."""
        return DriverStates if isinstance(self.options, DriverStates) else self.datatype

    def names(self) -> tuple[str, ...]:
        """Return the readback's name, and the setpoint's if it is another."""
        return (self.read_pv,) if self.read_pv == self.write_pv else (self.read_pv, self.write_pv)

    def check(self) -> Fault | None:
        """Find how the declared type is served."""
        channels = self.channels
        verdicts = [self._verdict(channel) for channel in channels]
        faults = [verdict for verdict in verdicts if isinstance(verdict, Fault)]
        for fault in faults:
            if fault.reason is Reason.REFUSED:
                return fault
        first, last = channels[0], channels[-1]
        if self.declared is not DriverStates and self._kind(first) != self._kind(last):
            return Fault(
                Reason.WRONG_TYPE,
                declared=f"{self._served(first)} like {self._pv(first.name)}",
                served=f"{self._served(last)} ({self._pv(last.name)})",
            )
        if not faults:
            self.conversion = verdicts[0]
        return faults[-1] if faults else None

    def _known(self) -> Any:
        if self.conversion is None:
            raise NotConnectedError(f"{self._pv(self.read_pv)} has not been connected")
        return self.conversion

    async def get_value(self) -> SignalDatatypeT:
        """Read the value.

        :raises NotConnectedError: at once if the channel is down; names the PV. So do all others.
        """
        conversion = self._known()
        value: SignalDatatypeT = conversion.value(await self._fetch(0))
        return value

    async def get_setpoint(self) -> SignalDatatypeT:
        """Read what was asked for."""
        conversion = self._known()
        value: SignalDatatypeT = conversion.value(await self._fetch(-1))
        return value

    async def get_reading(self) -> Reading[SignalDatatypeT]:
        """Read the value with its time (seconds since 1970) and severity."""
        return self._reading(await self._fetch_timed())

    async def get_datakey(self, source: str) -> DataKey:
        """Describe the signal: its type and shape, units, limits, precision and states.

        While the signal is watched all but the shape is asked for once, so a scan does not ask at every point.
        """
        conversion = self._known()
        latest, metadata = self._latest, self._described
        if latest is not None and metadata is not None:
            return make_datakey(conversion.datatype, latest[0], source, metadata)
        value, metadata = await self._describe()
        if self.subscription is not None:
            self._described = metadata
        return make_datakey(conversion.datatype, conversion.value(value), source, metadata)

    async def put(self, value: SignalDatatypeT | None) -> None:
        """Write the setpoint; None writes what it has, which processes the record.

        While the signal is watched, a put that waits for the record also waits for the update that it has caused, so
        that what is read next is not what stood there before.

        :raises NotConnectedError: at once if the channel is down; names the PV.
        :raises PutUnansweredError: if the channel is lost before the server answers.
        :raises PutRefusedError: if the value is not taken; says why, or which states there are.
        """
        sent = None if value is None else self._known().sent(value)
        wait = self.options.wait(value) if callable(self.options.wait) else self.options.wait
        try:
            await self._send(sent, bool(wait))
        except PutFailedError as error:
            if value is not None:
                error.value = value
            if isinstance(error, PutRefusedError) and isinstance(value, str) and (why := await self._no_state(value)):
                raise PutRefusedError(error.pv, value, why) from error
            raise
        if wait and self._updated is not None:
            await self._await_update(self._updated)

    async def _await_update(self, updated: asyncio.Event) -> None:
        """Wait until whoever watches has been told what a put left: servers may send that after the answer to it."""
        with suppress(NotConnectedError, TimeoutError):
            left = await self.get_reading()
            async with asyncio.timeout(LAG):
                while self._is_behind(left):
                    updated.clear()
                    await updated.wait()

    def _is_behind(self, reading: Reading[SignalDatatypeT]) -> bool:
        if self._latest is None:
            return True
        value, timestamp = self._latest
        return timestamp < reading["timestamp"] and not np.array_equal(
            cast("Any", value), cast("Any", reading["value"])
        )

    async def _no_state(self, text: str) -> str:
        """Return which states the setpoint has, if a text is not one of them; empty otherwise."""
        with suppress(NotConnectedError, ReadRefusedError):
            states = await self._states(-1)
            if states is not None:
                return "" if text in states else f"there is no such state, there are {states}"
            if self.declared is DriverStates and not text.isdecimal():
                return "there is no such state, the record has none and takes numbers"
        return ""

    def set_callback(self, callback: Callback[Reading[SignalDatatypeT]] | None) -> None:
        """Watch the value, until called with None."""
        if callback and self.subscription:
            raise RuntimeError("Cannot set a callback when one is already set")
        if self.subscription:
            self.subscription.close()
            self.subscription = self._described = self._latest = self._updated = None
        if callback:
            told = callback
            updated = self._updated = asyncio.Event()

            def tell(reading: Reading[SignalDatatypeT]) -> None:
                self._latest = reading["value"], reading["timestamp"]
                told(reading)
                updated.set()

            self.subscription = self._watch(tell)


class RecordCommand(ChannelUser):
    """A command on a record: executing it writes a number and waits until the record has processed.

    :param write_pv: the PV to write.
    :param execute_value: the number.
    """

    _execute_value = 1
    signature: inspect.Signature | None = NO_ARG_VOID_SIGNATURE

    def __init__(self, write_pv: str = "", execute_value: int = 1) -> None:
        self.write_pv = write_pv
        self.init_use()
        if execute_value != 1:
            self._execute_value = execute_value

    def names(self) -> tuple[str, ...]:
        """Return the name of the record."""
        return (self.write_pv,)
