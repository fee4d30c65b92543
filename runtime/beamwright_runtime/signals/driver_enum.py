"""States that device support may replace, or bring, when the driver starts.

ADR 0005 rules here.
"""

from __future__ import annotations

from ophyd_async.core import SubsetEnum
from ophyd_async.epics.core import EpicsOptions


class DriverEnum(SubsetEnum):
    """States of a record whose device support may replace them when the driver starts.

    The members are the states of the description. At run time the signal connects whatever states the server has:
    a value that is no member arrives as `str`, and putting a state that the server lacks raises `ValueError`.
    """


class DriverStates(EpicsOptions[str]):
    """Options of a text signal whose record has no states in the description, because the driver brings them.

    Such a record is served as an enum if the driver has brought states, and as a number if it has not. The signal
    connects to either: it reads and puts the text of a state, or the digits of the number.

        mode: A[SignalRW[str], PvSuffix("Mode"), DriverStates()]
    """
