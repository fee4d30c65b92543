"""What a server of this folder does: it announces itself, and ends when the test closes its input."""

from __future__ import annotations

import asyncio
import sys

SERVES = "serves"


def announce() -> None:
    """Tell the test that the server can be found."""
    print(SERVES, flush=True)


async def until_told() -> None:
    """Wait until the test closes this process's input."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
