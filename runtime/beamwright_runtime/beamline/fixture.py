"""Values that factories take as arguments, such as where files are written, had when the first device needs them."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import cast


class Fixture:
    """Holds a value that several factories take: a function makes it once, and is called again after a failure.

    :param function: gives the value. What it reads from disks or networks is read when the first device is made or
        connected, never at import. An `async` function is awaited in the event loop that connects the device.
    :raises TypeError: if the function has parameters.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self.name = function.__name__
        parameters = inspect.signature(function).parameters
        if parameters:
            raise TypeError(f"fixture {self.name} takes no parameters, not {', '.join(parameters)}")
        self.is_async = inspect.iscoroutinefunction(function)
        self._function = function
        self._lock = threading.Lock()
        self._value: tuple[object] | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_read(self) -> bool:
        """Whether the value is there."""
        return self._value is not None

    def get(self) -> object:
        """Return the value, from the function if need be.

        :raises RuntimeError: if the function is `async` and has not been awaited yet.
        """
        with self._lock:
            if self._value is None:
                if self.is_async:
                    raise RuntimeError(f"fixture {self.name} is read when a device that needs it connects")
                self._value = (self._function(),)
            return self._value[0]

    async def read(self) -> None:
        """Return the value; a function that reads it does not block the event loop."""
        while not self.is_read:
            task = self._reading
            if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
                task = self._reading = asyncio.create_task(self._read(), name=f"read fixture {self.name}")
            # Not awaited itself: a caller that is cancelled would take the others' value with it.
            await asyncio.wait({task})
            task.result()

    async def _read(self) -> None:
        if self.is_async:
            self._value = (await cast("Callable[[], asyncio.Future[object]]", self._function)(),)
        else:
            await asyncio.to_thread(self.get)
