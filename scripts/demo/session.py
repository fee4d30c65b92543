"""A RunEngine with what it has measured, and the progress that it shows."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Generator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bluesky import RunEngine
from bluesky.utils import ProgressBarBase, RunEngineInterrupted, default_progress_bar
from ophyd_async.core import StaticPathProvider

T = TypeVar("T")
Documents = dict[str, list[dict[str, Any]]]


class Session:
    """A RunEngine, and what took how long in it.

    :param folder: for files, each named after the plan and the device that writes it.
    """

    def __init__(self, folder: Path) -> None:
        # An interrupt ends this process at once: the beamline that it uses goes with it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.engine = RunEngine(context_managers=[])
        self.progress = Progress()
        setattr(self.engine, "waiting_hook", self.progress)  # noqa: B010 - bluesky declares it as None
        self.folder = folder
        self.seconds: dict[str, float] = {}
        self._plan = ""
        self.paths = StaticPathProvider(lambda datakey_name=None: f"{self._plan}_{datakey_name}", folder)

    def wait(self, what: Awaitable[T], timeout: float = 60.0) -> T:
        """Await something in the engine's loop."""

        async def awaited() -> T:
            return await what

        return asyncio.run_coroutine_threadsafe(awaited(), self.engine.loop).result(timeout)

    def run(
        self,
        plan: Generator[Any, Any, Any],
        name: str,
        what: str,
        paused: Callable[[], None] | None = None,
    ) -> Documents:
        """Run a plan, and return its documents by kind.

        :param paused: called once it is paused; the plan goes on when it returns.
        """
        documents: Documents = {}
        self._plan = name
        began = time.perf_counter()
        try:
            self.engine(plan, lambda kind, document: documents.setdefault(kind, []).append({**document}))
        except RunEngineInterrupted:
            if paused is None:
                raise
            paused()
            self.engine.resume()
        took = self.seconds[f"{name} {what}"] = time.perf_counter() - began
        for stop in documents.get("stop", ()):
            print(f"{name} {what}: {stop['exit_status']}, {stop['num_events']['primary']} events in {took:.1f} s")
        return documents


class Progress:
    """Shows how far what a RunEngine waits for has come.

    As bluesky's `ProgressBarManager`, which warns after an interruption, for the RunEngine does not tell that one came.
    """

    def __init__(self) -> None:
        self._show: Callable[[Collection[Any]], ProgressBarBase] = FrameLine
        if sys.stdout.isatty():
            self._show = default_progress_bar
        self._shown: ProgressBarBase | None = None

    def __call__(self, statuses: Collection[Any] | None) -> None:
        """Show statuses, or end showing them."""
        self.end()
        if statuses is not None:
            self._shown = self._show(statuses)

    def end(self) -> None:
        """Leave the line to others."""
        if self._shown is not None:
            self._shown.clear()
            self._shown = None


class FrameLine(ProgressBarBase):
    """The frames of a flight at each quarter of it, where no bar can be drawn anew."""

    def __init__(self, statuses: Collection[Any]) -> None:
        self._quarter = 0
        self._ended = False
        for status in statuses:
            if hasattr(status, "watch"):
                status.watch(partial(self.update, None))

    def update(
        self,
        pos: Any,
        *,
        current: float | None = None,
        initial: float | None = None,
        target: float | None = None,
        unit: str = "",
        **more: Any,
    ) -> None:
        """Print the number of frames when it has come to another quarter."""
        if self._ended or unit != "frames" or current is None or initial is None or target is None:
            return
        quarter = int(4 * (current - initial) / (target - initial))
        if quarter > self._quarter:
            print(f" {current:g}" if self._quarter else f"  frames: {current:g}", end="", flush=True)
            self._quarter = quarter

    def clear(self) -> None:
        """End the line; what is still told of a wait that was interrupted is not shown."""
        if self._quarter and not self._ended:
            print()
        self._ended = True
