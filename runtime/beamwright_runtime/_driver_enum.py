"""States that device support may replace when the driver starts."""

from __future__ import annotations

from typing import Any, TypeVar

from bluesky.protocols import Reading
from event_model import DataKey
from ophyd_async.core import (
    DEFAULT_TIMEOUT,
    Callback,
    NotConnectedError,
    SignalBackend,
    SubsetEnum,
    wait_for_connection,
)
from ophyd_async.epics.core import CaSignalBackend, EpicsOptions, PvaSignalBackend

# Not public: a monitor must not raise when an enum's index has no choice, and only the converter can prevent that.
from ophyd_async.epics.core._p4p import PvaConverter


class DriverEnum(SubsetEnum):
    """States of a record whose device support may replace them when the driver starts.

    The members are the states of the description. At run time the signal connects whatever states the server has:
    a value that is no member arrives as `str`, and putting a state that the server lacks raises `ValueError`.
    """


DriverEnumT = TypeVar("DriverEnumT", bound=DriverEnum)


class _StateText(PvaConverter[str]):
    """The text of a state over PVA; empty where the index has no state."""

    def value(self, value: Any) -> str:
        choices, index = value["value"]["choices"], value["value"]["index"]
        return str(choices[index]) if 0 <= index < len(choices) else ""


class CaStateBackend(CaSignalBackend[str]):
    """Reads and puts the state of an enum record as text, over Channel Access."""


class PvaStateBackend(PvaSignalBackend[str]):
    """Reads and puts the state of an enum record as text, over PV Access."""

    async def connect(self, timeout: float) -> None:
        """Connect, and read a state without text as an empty one."""
        await super().connect(timeout)
        pv = self.initial_values[self.read_pv]
        if pv.getID() == "epics:nt/NTEnum:1.0":
            self.converter = _StateText(str)


class DriverEnumBackend(SignalBackend[DriverEnumT]):
    """Reads and puts states as text, so that the server's states need not be those of the description.

    The readback and the setpoint are connected apart, because their states may differ while a driver starts.

    :param states: the members to hand out where the text is one of them.
    :param transport: what reads and puts the text.
    """

    def __init__(
        self, states: type[DriverEnumT], transport: type[CaStateBackend] | type[PvaStateBackend] = CaStateBackend
    ) -> None:
        super().__init__(states)
        self.read_pv = ""
        self.write_pv = ""
        self.options: EpicsOptions[Any] = EpicsOptions()
        self._states = states
        self._transport = transport
        self._readback: CaStateBackend | PvaStateBackend = transport(str)
        self._setpoint: CaStateBackend | PvaStateBackend = self._readback

    def source(self, name: str, read: bool) -> str:
        """Give the PV with its protocol."""
        return str(self._transport(str, self.read_pv, self.write_pv).source(name, read))

    async def connect(self, timeout: float) -> None:
        """Connect the readback and the setpoint.

        :param timeout: in seconds.
        :raises NotConnectedError: if a PV does not answer in time, or has no states and no text.
        """
        setpoint = self._transport(str, self.write_pv, self.write_pv, self.options)
        if self.read_pv == self.write_pv:
            readback = setpoint
            await setpoint.connect(timeout)
        else:
            readback = self._transport(str, self.read_pv, self.read_pv)
            await wait_for_connection(read_pv=readback.connect(timeout), write_pv=setpoint.connect(timeout))
        self._readback, self._setpoint = readback, setpoint

    async def put(self, value: DriverEnumT | None) -> None:
        """Put a state.

        :raises ValueError: if the server has no such state; names the PV and the states it has.
        """
        try:
            await self._setpoint.put(value)
        except Exception as error:
            try:
                states = await self._states_of_setpoint()
            except NotConnectedError:
                raise error from None
            if value is None or value in states:
                raise
            raise ValueError(f"{self.source('', read=False)} has no state {str(value)!r}, it has {states}") from error

    async def _states_of_setpoint(self) -> list[str]:
        """Ask anew: the driver may have replaced the states since the connection."""
        now = self._transport(str, self.write_pv, self.write_pv)
        await now.connect(DEFAULT_TIMEOUT)
        return list((await now.get_datakey("")).get("choices", []))

    def _reading(self, reading: Reading[str]) -> Reading[DriverEnumT]:
        return {**reading, "value": self._states(reading["value"])}

    async def get_datakey(self, source: str) -> DataKey:
        """Describe the states as the server had them at the connection."""
        return await self._readback.get_datakey(source)

    async def get_reading(self) -> Reading[DriverEnumT]:
        """Read the state with its time and severity."""
        return self._reading(await self._readback.get_reading())

    async def get_value(self) -> DriverEnumT:
        """Read the state."""
        return self._states(await self._readback.get_value())

    async def get_setpoint(self) -> DriverEnumT:
        """Read the state that was asked for."""
        return self._states(await self._setpoint.get_setpoint())

    def set_callback(self, callback: Callback[Reading[DriverEnumT]] | None) -> None:
        """Watch the state."""
        if callback is None:
            self._readback.set_callback(None)
        else:
            self._readback.set_callback(lambda reading: callback(self._reading(reading)))
