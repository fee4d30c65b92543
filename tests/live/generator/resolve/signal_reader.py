"""Connects and reads signals with ophyd-async itself: cases as JSON on standard input, outcomes on standard output.

Run as a process of its own, so that the environment says where to search. A case is `{"source", "kind", "members",
"strict", "dtype"}`; its outcome `{"error"}`, or `{"value", "native", "choices"}` as the server announced them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from epicscorelibs.ca import dbr
from ophyd_async.core import Array1D, SignalR, StrictEnum, SubsetEnum
from ophyd_async.epics.core import epics_signal_r

AT_ONCE = 500
TIMEOUT = 20.0
PLAIN = {"bool": bool, "int": int, "float": float, "str": str, "long str": str, "str array": Sequence[str]}
DBR_NAMES = {
    dbr.DBR_STRING: "STRING",
    dbr.DBR_SHORT: "SHORT",
    dbr.DBR_FLOAT: "FLOAT",
    dbr.DBR_ENUM: "ENUM",
    dbr.DBR_CHAR: "CHAR",
    dbr.DBR_LONG: "LONG",
    dbr.DBR_DOUBLE: "DOUBLE",
}


def datatype(case: dict[str, Any]) -> Any:
    if case["kind"] == "array":
        return Array1D[getattr(np, case["dtype"])]
    if case["kind"] == "enum":
        base = StrictEnum if case["strict"] else SubsetEnum
        return base("States", {f"STATE_{index}": text for index, text in enumerate(case["members"])})
    return PLAIN[case["kind"]]


def announced(signal: SignalR[Any]) -> tuple[str, list[str] | None]:
    backend = signal._connector.backend
    (value,) = backend.initial_values.values()
    if signal.source.startswith("ca://"):
        array = "[]" if value.element_count > 1 else ""
        return DBR_NAMES[value.datatype] + array, getattr(value, "enums", None)
    kind = value.type("value").aspy()
    if value.getID() == "epics:nt/NTEnum:1.0":
        return "NTEnum", value["value"]["choices"]
    return kind if isinstance(kind, str) else kind[0], None


async def outcome(case: dict[str, Any]) -> dict[str, Any]:
    try:
        signal = epics_signal_r(datatype(case), case["source"], name="signal")
        await signal.connect(timeout=TIMEOUT)
        native, choices = announced(signal)
        value = await signal.get_value()
        reading = await signal.read()
        await signal.describe()
        assert "signal" in reading
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"value": repr(value), "native": native, "choices": choices}


async def main() -> None:
    cases = json.load(sys.stdin)
    outcomes = []
    for start in range(0, len(cases), AT_ONCE):
        outcomes += await asyncio.gather(*(outcome(case) for case in cases[start : start + AT_ONCE]))
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
