"""States that device support may replace when the driver starts."""

from __future__ import annotations

from ophyd_async.core import SubsetEnum


class DriverEnum(SubsetEnum):
    """States of a record whose device support may replace them when the driver starts.

    The members are the states of the description. At run time the signal connects whatever states the server has:
    a value that is no member arrives as `str`, and putting a state that the server lacks raises `ValueError`.
    """
