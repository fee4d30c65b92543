"""Units, precision, limits and states, as servers describe their values."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan, nan
from typing import Any

from event_model import Limits, LimitsRange
from ophyd_async.core import SignalMetadata

from beamwright_runtime.signals.pva_conversion import REALS, WHOLE


def from_ca(declared: Any, value: Any) -> SignalMetadata:
    """Return units, precision and limits from a reading with control information."""
    metadata = SignalMetadata()
    if hasattr(value, "units") and declared not in (str, bool):
        metadata["units"] = value.units
    if hasattr(value, "precision") and not isnan(value.precision) and declared is not int:
        metadata["precision"] = value.precision
    limits = _limits(
        (name, getattr(value, f"lower_{field}_limit", nan), getattr(value, f"upper_{field}_limit", nan))
        for name, field in (("alarm", "alarm"), ("control", "ctrl"), ("display", "disp"), ("warning", "warning"))
    )
    if limits and declared is not bool:
        metadata["limits"] = limits
    return metadata


def from_pva(datatype: Any, specifier: str, value: Any) -> SignalMetadata:
    """Return units, precision, limits and states from a full reading.

    :param datatype: what the values become.
    :param specifier: the type of the value field, as p4p writes it.
    """
    metadata = SignalMetadata()
    kind = specifier[-1:]
    number = kind in (*REALS, *WHOLE)
    display: Any = getattr(value, "display", None)
    if hasattr(display, "units") and number and datatype is not str:
        metadata["units"] = display.units
    if hasattr(display, "precision") and not isnan(display.precision) and kind in REALS and datatype is not int:
        metadata["precision"] = display.precision
    if number and (limits := _limits(_pva_ranges(value))):
        metadata["limits"] = limits
    if datatype is str:
        served: Any = getattr(value, "value", None)
        if hasattr(display, "choices"):
            metadata["choices"] = display.choices
        elif hasattr(served, "choices"):
            metadata["choices"] = served.choices
    return metadata


def _pva_ranges(value: Any) -> Iterable[tuple[str, float, float]]:
    for name, field, low, high in (
        ("alarm", "valueAlarm", "lowAlarmLimit", "highAlarmLimit"),
        ("control", "control", "limitLow", "limitHigh"),
        ("display", "display", "limitLow", "limitHigh"),
        ("warning", "valueAlarm", "lowWarningLimit", "highWarningLimit"),
    ):
        part = getattr(value, field, None)
        yield name, getattr(part, low, nan), getattr(part, high, nan)


def _limits(ranges: Iterable[tuple[str, float, float]]) -> Limits:
    """Keep the ranges that are set: records have zeros or NaN where nobody set them."""
    limits = Limits()
    for name, low, high in ranges:
        if not (isnan(low) and isnan(high)) and not low == high == 0:
            limits[name] = LimitsRange(low=None if isnan(low) else low, high=None if isnan(high) else high)  # type: ignore[literal-required]
    return limits
