"""Ending what was asked over PV Access without waiting for it.

ADR 0012 rules here.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Any

THREADS = 4
"""One alone falls behind whoever connects and lets go again and again; p4p's thread serves all that wait at once."""


class Closer:
    """Closes requests in threads of its own.

    Closing one waits twice for p4p's thread, some 0.3 ms, also when it has been answered; and on that thread itself
    pvxs complains of it.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: tuple[threading.Thread, ...] = ()
        self._ended = False

    def close(self, operations: Iterable[Any]) -> None:
        """Close requests soon, or here and now when the process ends; from any thread."""
        for operation in operations:
            if self._ended:
                operation.close()
                continue
            self._queue.put(operation)
            if not self._threads:
                self._start()

    def _start(self) -> None:
        with self._lock:
            if not self._threads:
                self._threads = tuple(
                    threading.Thread(target=self._work, name=f"beamwright-pva-closer-{number}", daemon=True)
                    for number in range(THREADS)
                )
                for thread in self._threads:
                    thread.start()
                atexit.register(self.end)  # before the context ends, which was made before

    def _work(self) -> None:
        while not self._ended:
            operation = self._queue.get()
            if operation is not None:
                operation.close()

    def end(self) -> None:
        """End the threads; what they have not closed yet ends with the process."""
        self._ended = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()


closer = Closer()
