"""The box of the example beamline under the prefix of the first argument, changed as the second says.

`same` serves it as its own server does, `changed` serves a pulse generator with other types; `no-pvi` serves no PVI.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import sys
from pathlib import Path

from child import announce, until_told

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "x01" / "panda"))

import fastcs.transports.epics.pva.ioc as served
from fastcs.attributes import AttrRW
from fastcs.datatypes import Enum, String

import blocks
import server

PREFIX, CHANGE = sys.argv[1:]
if CHANGE == "changed":
    blocks.Pulse.width = AttrRW(String())
    blocks.Pcomp.dir = AttrRW(Enum(enum.Enum("Direction", ["Positive", "Negative", "Both"])))
elif CHANGE == "no-pvi":
    served.add_pvi_info = lambda **_: None


async def main() -> None:
    serving = asyncio.create_task(server.serve(PREFIX, announce))
    await until_told()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


asyncio.run(main())
