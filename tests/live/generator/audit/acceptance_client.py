"""Connects and reads signals of given datatypes; standard input and output are JSON.

Asked is a list of `[PV with protocol, datatype, states]`; answered is a list of errors, null where it connects and
reads.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np
from ophyd_async.core import Array1D, StrictEnum, SubsetEnum, SupersetEnum
from ophyd_async.epics.core import epics_signal_r, epics_triggerable_command

AT_ONCE = 500
TIMEOUT = 20.0
PLAIN: dict[str, Any] = {"bool": bool, "int": int, "float": float, "str": str, "Sequence[str]": Sequence[str]}
ENUMS: dict[str, Any] = {"strict": StrictEnum, "subset": SubsetEnum, "superset": SupersetEnum, "plain": Enum}


def datatype(name: str, states: Sequence[str]) -> Any:
    if name in PLAIN:
        return PLAIN[name]
    if name in ENUMS:
        return ENUMS[name]("Declared", {f"STATE_{number}": state for number, state in enumerate(states)})
    return Array1D[getattr(np, name)]


async def outcome(pv: str, name: str, states: Sequence[str]) -> str | None:
    try:
        if name == "command":
            await epics_triggerable_command(pv).connect(timeout=TIMEOUT)
            return None
        signal = epics_signal_r(datatype(name, states), pv)
        await signal.connect(timeout=TIMEOUT)
        await asyncio.wait_for(signal.get_value(), TIMEOUT)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return None


async def main() -> None:
    logging.disable(logging.CRITICAL)
    asked = json.load(sys.stdin)
    found: list[str | None] = []
    for start in range(0, len(asked), AT_ONCE):
        found += await asyncio.gather(*(outcome(*one) for one in asked[start : start + AT_ONCE]))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
