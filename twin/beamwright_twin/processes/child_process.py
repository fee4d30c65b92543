"""What every process of a twin does: it takes orders from the process that runs the twin, and ends with it.

Orders come on standard input as lines of JSON, answers and news go to standard output. A process ends when its input
does, so it never outlives the one that started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, NoReturn

Execute = Callable[[str, Sequence[Any]], Any]
"""Does what an order says, and gives its answer."""


class Parent:
    """The process that runs the twin, as its children talk to it, from any thread."""

    def __init__(self, output: IO[str]) -> None:
        self._output = output
        self._writing = threading.Lock()

    def publish(self, topic: str, subject: str, news: Any) -> None:
        """Send news of a record or a signal."""
        self.send({"topic": topic, "record": subject, "news": news})

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        with self._writing:
            self._output.write(json.dumps(message) + "\n")
            self._output.flush()

    def listen(self, orders: IO[str], execute: Execute) -> None:
        """Execute orders until standard input ends; one without an id gets no answer."""
        for line in orders:
            order = json.loads(line)
            try:
                answer = {"result": execute(order["do"], order["with"])}
            except (LookupError, ValueError, TypeError, RuntimeError) as error:
                answer = {"error": str(error)}
            if "id" in order:
                self.send({"id": order["id"], **answer})
            elif "error" in answer:
                sys.stderr.write(f"{order['do']}: {answer['error']}\n")


def serve(make: Callable[[Mapping[str, Any], Parent], Execute]) -> NoReturn:
    """Run a child process of a twin until standard input ends.

    :param make: starts the servers from the configuration that the parent sends first; returns what executes orders.
    """
    try:
        # What EPICS prints goes to standard error, so that standard output holds messages and nothing else.
        parent = Parent(os.fdopen(os.dup(1), "w", encoding="utf-8"))
        os.dup2(2, 1)
        config = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with, args=(config["parent"],), daemon=True).start()
        execute = make(config, parent)
        parent.send({"ready": os.getpid()})
        parent.listen(sys.stdin, execute)
    except BaseException as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(1)
    # EPICS base has threads that never end, and nothing that would have to be saved.
    os._exit(0)


def _end_with(parent: int) -> None:
    """End when the parent has: its end of the pipe may live on in processes that it forked."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)
