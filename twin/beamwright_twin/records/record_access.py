"""Reads and writes a record of this IOC as a client would, without a network."""

from __future__ import annotations

from ctypes import Array, addressof, c_char, c_long
from typing import Any

from beamwright_twin.records import epics_base
from beamwright_twin.records.python_record import NUMBERS, Value

_NAMES = {number: name for name, number in epics_base.DBF.items()}
_AS_TEXT = ("STRING", "INLINK", "OUTLINK", "FWDLINK")


class RecordChannel:
    """A field of a record of this IOC.

    :raises LookupError: when the IOC has no such record or field.
    """

    def __init__(self, name: str) -> None:
        found = epics_base.address_of(name)
        if found is None:
            raise LookupError(f"this IOC has no {name}")
        self.name = name
        self._address = found
        kind = _NAMES[found.request_type]
        self._kind = "STRING" if kind in _AS_TEXT else kind
        self._element: Any = c_char * epics_base.STRING_SIZE if self._kind == "STRING" else NUMBERS[self._kind]

    def get(self) -> Value | list[Value]:
        """Read the value: a number, the number of a state, a text, or a list where the field is an array."""
        buffer = (self._element * self._address.elements)()
        count = c_long(self._address.elements)
        self._check(epics_base.get_field(self._address, self._request, buffer, None, addressof(count), None), "read")
        values = [self._python(buffer[index]) for index in range(count.value)]
        return values if self._address.elements > 1 else (values[0] if values else "")

    @property
    def is_text(self) -> bool:
        """Return whether the value is a text: a string, or an array of characters."""
        return self._kind == "STRING" or (self._kind in ("CHAR", "UCHAR") and self._address.elements > 1)

    def state(self) -> str:
        """Read a state by its words."""
        text = (c_char * epics_base.STRING_SIZE)()
        count = c_long(1)
        status = epics_base.get_field(self._address, epics_base.DBF["STRING"], text, None, addressof(count), None)
        self._check(status, "read")
        return text.value.decode("utf-8", "replace")

    def text(self) -> str:
        """Read a text, which may be an array of characters."""
        value = self.get()
        if isinstance(value, list):
            return bytes(int(one) & 0xFF for one in value).partition(b"\0")[0].decode("utf-8", "replace")
        return str(value)

    def put(self, value: Value | list[Value]) -> None:
        """Write a value and process the record; a state may be given by its text.

        :raises ValueError: when the record refuses the value.
        """
        if isinstance(value, str) and self._kind in ("CHAR", "UCHAR"):
            value = [*value.encode()[: self._address.elements - 1], 0]
        values = value if isinstance(value, list) else [value]
        if self._kind != "STRING" and any(isinstance(one, str) for one in values):
            text = (c_char * epics_base.STRING_SIZE)()
            text.value = str(value).encode()
            self._check(epics_base.put_field(self._address, epics_base.DBF["STRING"], text, 1), f"take {value!r}")
        else:
            buffer = self._filled(values)
            status = epics_base.put_field(self._address, self._request, buffer, len(values))
            self._check(status, f"take {value!r}")

    def _filled(self, values: list[Value]) -> Array[Any]:
        buffer: Array[Any] = (self._element * len(values))()
        for index, one in enumerate(values):
            if self._kind == "STRING":
                buffer[index].value = str(one).encode()[: epics_base.STRING_SIZE - 1]
            else:
                buffer[index] = one
        return buffer

    @property
    def _request(self) -> int:
        return epics_base.DBF["ENUM"] if self._kind in ("MENU", "DEVICE") else epics_base.DBF[self._kind]

    def _python(self, element: Any) -> Value:
        value: Value = element.value.decode("utf-8", "replace") if self._kind == "STRING" else element
        return value

    def _check(self, status: int, what: str) -> None:
        if status:
            raise ValueError(f"{self.name} does not {what}")
