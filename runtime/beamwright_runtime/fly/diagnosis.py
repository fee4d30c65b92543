"""What devices themselves say is wrong with them, for the text of an error: nothing is waited for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ophyd_async.core import SignalR, StandardDetector

from beamwright_runtime.ophyd_seam import logics_of

PATIENCE = 1.0
"""Seconds that a signal has for its answer: the flight has failed already, and its axes may still move."""


async def diagnose_detector(detector: StandardDetector, counters: Sequence[SignalR[int]], armed: bool) -> list[str]:
    """Return what keeps a detector from taking and writing frames, as far as its signals say.

    :param counters: count what it has written.
    :param armed: whether it should be armed.
    """
    silent = await asyncio.gather(*(_silent(counter) for counter in counters))
    if any(silent):
        return [findings for findings in silent if findings]
    logics = logics_of(detector)
    acquire = logics.acquire
    active = getattr(acquire, "driver_armed_signal", None) or getattr(getattr(acquire, "pcap", None), "active", None)
    findings = []
    if armed and active is not None and not await _is(active, True):
        findings.append(f"it is not armed ({active.source})")
    for logic in logics.data:
        writer = getattr(logic, "writer", None) or getattr(logic, "data_block", None)
        findings += await _diagnose_writer(writer) if writer is not None else []
    return findings


async def _diagnose_writer(writer: Any) -> list[str]:
    findings = []
    message = getattr(writer, "write_message", None)
    if message is not None and (text := await _value(message)):
        findings.append(f"{message.source} says {text!r}")
    if (capture := getattr(writer, "capture", None)) is not None and not await _is(capture, True):
        findings.append(f"its file is closed ({capture.source})")
    return findings


async def _silent(signal: SignalR[Any]) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            # Not what a subscription was told last: that stays when an IOC is gone.
            await signal.get_value(cached=False)
    except Exception:
        return f"{signal.source} does not answer"
    return None


async def _value(signal: SignalR[Any]) -> Any:
    try:
        async with asyncio.timeout(PATIENCE):
            return await signal.get_value(cached=False)
    except Exception:
        return None


async def _is(signal: SignalR[Any], wanted: object) -> bool:
    """Return whether a signal has a value; true for one that does not answer."""
    return await _value(signal) in (wanted, None)


def why(error: BaseException) -> str:
    """Return the message of an error on one line, or its type if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def with_findings(text: str, findings: Sequence[str]) -> str:
    """Append what devices report to the text of an error."""
    return "; ".join([text, *findings])
