"""What can be wrong with a connection, as data and as an outline, with a single put or read, and with a fly scan.

ADR 0028 rules here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from ophyd_async.core import NotConnectedError


class Reason(Enum):
    """Why a signal is not connected."""

    NEVER_FOUND = "never found"
    """No server answered to the name."""
    DISCONNECTED = "disconnected"
    """It was connected, and its server is gone."""
    NO_ANSWER = "no answer"
    """The channel is open, but the server does not answer."""
    REFUSED = "refused"
    """The server does not let this client read."""
    WRONG_TYPE = "wrong type"
    """The server has another type than was declared."""
    CHOICES = "choices differ"
    """The server has other states than were declared."""
    FAILED = "failed"
    """A device that connects its own way raised an error."""
    NOT_MADE = "cannot be made"
    """The device does not exist: its factory raised an error."""


class Fault(NamedTuple):
    """What is wrong with one signal, apart from where it is.

    :param reason: what kind of fault it is.
    :param detail: further words for people, such as the server's message.
    :param declared: the type that was declared, where it is wrong.
    :param served: the type that the server has, where it is wrong.
    :param missing: states that were declared and are not served.
    :param extra: states that are served and were not declared.
    """

    reason: Reason
    detail: str = ""
    declared: str = ""
    served: str = ""
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.reason is Reason.WRONG_TYPE:
            return f"wrong type: declared {self.declared}, served {self.served}"
        if self.reason is Reason.CHOICES:
            parts = [
                what + " " + ", ".join(f'"{choice}"' for choice in choices)
                for what, choices in (("missing", self.missing), ("extra", self.extra))
                if choices
            ]
            return f"choices differ: {', '.join(parts)}"
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


class ConnectionProblem(NamedTuple):
    """One signal that is not connected.

    :param device: where the device is in the tree, such as `slits.gap`; empty for the root itself.
    :param signal: the signal's attribute in that device.
    :param pv: its PV with the protocol, such as `ca://BL01X-AL-SLITS-01:X:GAP`.
    :param fault: what is wrong.
    """

    device: str
    signal: str
    pv: str
    fault: Fault

    @property
    def reason(self) -> Reason:
        """What kind of fault it is."""
        return self.fault.reason


class ConnectionFailedError(NotConnectedError):
    """Some signals of a tree, or some of several devices, are not connected; its text is the outline of all that are.

    :ivar problems: one for each signal, and one for each device that has no signals to show or cannot be made.
    """

    def __init__(
        self, outline: str, problems: Sequence[ConnectionProblem], errors: Mapping[str, Exception] | None = None
    ) -> None:
        super().__init__(outline)
        self._outline = outline
        self.problems = tuple(problems)
        self._by_device = dict(errors or {})

    def __reduce__(
        self,
    ) -> tuple[type[ConnectionFailedError], tuple[str, tuple[ConnectionProblem, ...], dict[str, Exception]]]:
        return type(self), (self._outline, self.problems, self._by_device)

    @property
    def sub_errors(self) -> Mapping[str, Exception]:
        """What each device failed with, by its name, where several were asked."""
        return dict(self._by_device)

    def format_error_string(self, indent: str = "") -> str:
        """Return the outline, indented for a place in the error of a larger tree.

        :param indent: the spaces that lines begin with.
        """
        return "".join(f"\n{indent}{line}" for line in self._outline.splitlines()) + "\n"

    def __str__(self) -> str:
        return self._outline


class PutFailedError(Exception):
    """A value that was put and not taken, as far as anybody knows.

    :ivar pv: the PV with its protocol.
    :ivar value: what was put.
    :ivar reason: why it was not taken, in the words of who knows it: the server, or the library that sends.
    """

    _outcome = "failed"

    def __init__(self, pv: str, value: Any, reason: str) -> None:
        Exception.__init__(self, pv, value, reason)
        self.pv = pv
        self.value = value
        self.reason = reason

    def __reduce__(self) -> tuple[type[PutFailedError], tuple[str, Any, str]]:
        return type(self), (self.pv, self.value, self.reason)

    def __str__(self) -> str:
        return f"{self.pv}: put of {_shown(self.value)} {self._outcome}: {self.reason}"


class PutRefusedError(PutFailedError):
    """A value that the server, or the library that sends, does not take: what the record had, it has still."""

    _outcome = "was refused"


class PutUnansweredError(PutFailedError, NotConnectedError):
    """A value of which nobody knows whether it was taken: the server went before it answered."""

    def __init__(self, pv: str, value: Any, reason: str) -> None:
        PutFailedError.__init__(self, pv, value, reason)
        NotConnectedError.__init__(self, str(self))


class ReadRefusedError(Exception):
    """A PV that the server, or the library that asks, does not let be read or watched.

    :ivar pv: the PV with its protocol.
    :ivar reason: why, in the words of who knows it.
    """

    def __init__(self, pv: str, reason: str) -> None:
        super().__init__(pv, reason)
        self.pv = pv
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.pv}: reading was refused: {self.reason}"


class ScanRefusedError(ValueError):
    """A scan cannot be flown as it is described; the text says why, before anything moves."""


class FlyScanError(RuntimeError):
    """A flight failed; the text names the device."""


LONGEST = 50
"""Characters of a text that an error shows."""


def _shown(value: Any) -> str:
    """Show a value in one line: of a long text its beginning, of an array how many elements it has."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return repr(value) if len(value) <= LONGEST else f"{value[:LONGEST]!r}... ({len(value)} characters)"
    try:
        return f"{len(value)} elements"
    except TypeError:
        return str(value)
