"""One measurement of the connection benchmark, in a process of its own; prints its figures as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.connect.devices import make_tree, own_base, records, their_base

PAGE = os.sysconf("SC_PAGE_SIZE")
MISSING_TIMEOUT = 2.0
"""Seconds that a connection with missing PVs is given."""


def resident() -> int:
    """Return this process's resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def datagrams() -> int:
    """Count the UDP datagrams that this network namespace has sent."""
    names, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    )
    return int(values[names.index("OutDatagrams")])


async def connect_own(tree: Any, timeout: float) -> None:
    """Connect with this project's runtime."""
    from beamwright_runtime import connect_tree

    await connect_tree(tree, timeout=timeout)


async def connect_theirs(tree: Any, timeout: float) -> None:
    """Connect with ophyd-async."""
    await tree.connect(timeout=timeout)


def import_pyepics() -> None:
    """Import pyepics where it is installed, as ophyd does for every RunEngine; our runtime would do it otherwise."""
    with contextlib.suppress(ImportError):
        importlib.import_module("epicscorelibs.path.pyepics")
        importlib.import_module("epics.ca")


async def first(kind: str, prefixes: list[str]) -> dict[str, float]:
    """Make and connect a tree."""
    own = kind.startswith("own")
    base, connect = (own_base(), connect_own) if own else (their_base(), connect_theirs)
    if kind.endswith("-pva"):
        prefixes = [f"pva://{prefix}" for prefix in prefixes]
    make_tree(base, [prefixes[0]])  # what is done once for each class is not what is measured
    import_pyepics()
    gc.collect()
    memory = resident()
    began = time.perf_counter()
    tree = make_tree(base, prefixes)
    made = time.perf_counter()
    memory_made = resident()
    before = time.perf_counter()
    await connect(tree, 120.0)
    connected = time.perf_counter()
    memory_connected = resident()
    await connect(tree, 120.0)
    again = time.perf_counter()
    return {
        "create_s": made - began,
        "create_bytes": memory_made - memory,
        "connect_s": connected - before,
        "connect_bytes": memory_connected - memory_made,
        "repeat_s": again - connected,
    }


async def missing(kind: str, prefixes: list[str]) -> dict[str, float]:
    """Connect a tree of which some PVs do not exist."""
    base, connect = (own_base(), connect_own) if kind == "own" else (their_base(), connect_theirs)
    tree = make_tree(base, prefixes)
    sent = datagrams()
    began = time.perf_counter()
    with contextlib.suppress(Exception):
        await connect(tree, MISSING_TIMEOUT)
    return {
        "overrun_s": time.perf_counter() - began - MISSING_TIMEOUT,
        "datagrams": datagrams() - sent,
    }


async def killed(prefixes: list[str]) -> None:
    """Print when a tree is connected, and the monotonic times at which all of it was lost and was back."""
    from beamwright_runtime import connect_tree, on_connection_change
    from beamwright_runtime.channels.user import READY
    from beamwright_runtime.connection.tree_device import survey

    tree = make_tree(own_base(), prefixes)
    await connect_tree(tree, timeout=60)
    counts = survey(tree).counts  # by status: listing all signals at each look would slow down what is measured
    changed = asyncio.Event()
    end = on_connection_change(lambda event: changed.set(), tree)
    print("connected", flush=True)
    await changed.wait()
    while counts[READY]:
        await asyncio.sleep(0.001)
    print(time.monotonic(), flush=True)
    changed.clear()
    await changed.wait()
    print(time.monotonic(), flush=True)
    end()


async def p4p_list(prefixes: list[str]) -> dict[str, float]:
    """Get the channels with p4p's own list get."""
    from p4p.client.asyncio import Context

    names = [name for prefix in prefixes for name, _ in records(prefix)]
    with Context("pva", nt=False) as context:
        began = time.perf_counter()
        await context.get(names)
        return {"connect_s": time.perf_counter() - began}


def main(kind: str, prefixes: list[str], what: str) -> None:
    """Measure and print."""
    if what == "killed":
        asyncio.run(killed(prefixes))
    elif what == "missing":
        print(json.dumps(asyncio.run(missing(kind, prefixes))), flush=True)
    elif kind == "p4p":
        print(json.dumps(asyncio.run(p4p_list(prefixes))), flush=True)
    else:
        print(json.dumps(asyncio.run(first(kind, prefixes))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
    os._exit(0)  # closing tens of thousands of channels one by one is not what is measured
