"""Records the PVI tree of a live server, or says why it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from beamwright_generator.basics.optional_packages import PVA_PACKAGES
from beamwright_generator.observe.missing_packages import report_not_installed
from beamwright_generator.observe.pvi_walk import LiveBlock, MissingPart, PviWalk
from beamwright_generator.observe.snapshot_text import PviRecording
from beamwright_generator.problems import Problems

_SCHEME = "pva://"
_PVI = "PVI"
_MOST_SHOWN = 10


def record_snapshot(
    prefix: str, timeout: float, problems: Problems, progress: Callable[[int, int], None] = lambda blocks, signals: None
) -> PviRecording | None:
    """Walk the tree that begins at `prefix` + `PVI` over PVA; None, with a problem, when nothing can be recorded.

    Runs an event loop of its own; the environment says where to search.

    :param prefix: also taken when it names the PVI PV itself, or begins with `pva://`.
    :param timeout: seconds without any answer after which what was asked counts as missing.
    :param progress: called with the numbers of blocks and signals that were read so far.
    """
    prefix = prefix.removeprefix(_SCHEME).removesuffix(_PVI)
    if report_not_installed(PVA_PACKAGES, problems):
        return None
    from beamwright_generator.observe.pva_requests import PvaClient

    async def walk() -> LiveBlock | MissingPart:
        with PvaClient(timeout) as asking:
            return await PviWalk(asking, progress).block(prefix + _PVI)

    found = asyncio.run(walk())
    if isinstance(found, MissingPart):
        problems.error(
            "snapshot-impossible",
            None,
            f"{found.name}: {found.reason}",
            hint=f"is the server running, {_wrong_prefix(prefix)}and do EPICS_PVA_ADDR_LIST and "
            "EPICS_PVA_AUTO_ADDR_LIST lead to it?",
        )
        return None
    snapshot = PviRecording(prefix, found)
    _report_missing(snapshot, problems)
    return snapshot


def _wrong_prefix(prefix: str) -> str:
    return "" if not prefix[-1:].isalnum() else f"does its prefix end with a colon ({prefix}:), "


def _report_missing(snapshot: PviRecording, problems: Problems) -> None:
    found = [f"{name}: {reason}" for name, reason in snapshot.missing.items()]
    found += [signal.missing for signal in snapshot.signals if signal.missing]
    if not found:
        return
    more = [f"... and {len(found) - _MOST_SHOWN:,} more"] if len(found) > _MOST_SHOWN else []
    problems.warning(
        "snapshot-partial",
        None,
        f"{len(found):,} of what {snapshot.root.pvi} leads to could not be read",
        detail=[*found[:_MOST_SHOWN], *more],
        hint="the file names them under `missing`; with --strict it is not written",
    )
