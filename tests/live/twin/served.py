"""What a server says of PVs over CA and PVA: native type, element count, choices, units, precision and limits.

Run as a program, it reads names as JSON from standard input and prints JSON: the facts by protocol and name, with
None where a PV does not answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

CA_FACTS = (
    "datatype",
    "element_count",
    "enums",
    "units",
    "precision",
    "upper_disp_limit",
    "lower_disp_limit",
    "upper_ctrl_limit",
    "lower_ctrl_limit",
    "upper_alarm_limit",
    "lower_alarm_limit",
    "upper_warning_limit",
    "lower_warning_limit",
)
PVA_FACTS = ("display", "control", "valueAlarm")
CHANGING = ("description",)


async def over_ca(names: list[str]) -> dict[str, Any]:
    from aioca import FORMAT_CTRL, caget, cainfo

    facts: dict[str, Any] = {}
    infos = await cainfo(names, throw=False, timeout=20)
    values = await caget(names, format=FORMAT_CTRL, throw=False, timeout=20, count=1)
    for name, info, value in zip(names, infos, values, strict=True):
        if not info.ok or not value.ok:
            facts[name] = None
            continue
        facts[name] = {fact: plain(getattr(value, fact, None)) for fact in CA_FACTS}
        facts[name] |= {"datatype": info.datatype, "element_count": info.count, "writable": info.write}
    return facts


def over_pva(names: list[str]) -> dict[str, Any]:
    from p4p.client.thread import Context

    facts: dict[str, Any] = {}
    with Context("pva", nt=False) as context:
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            for name, value in zip(part, context.get(part, timeout=30, throw=False), strict=True):
                facts[name] = None if isinstance(value, Exception) else of_structure(value)
    return facts


def of_structure(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"id": value.getID(), "type": plain(value.type()["value"])}
    if value.getID().startswith("epics:nt/NTEnum"):
        found["choices"] = list(value.value.choices)
    for part in PVA_FACTS:
        if part in value:
            found[part] = {key: plain(fact) for key, fact in value[part].todict().items() if key not in CHANGING}
    return found


def plain(fact: Any) -> Any:
    if hasattr(fact, "aspy"):
        return fact.aspy()
    if isinstance(fact, dict):
        return {key: plain(value) for key, value in fact.items()}
    if isinstance(fact, float):
        return repr(fact)
    return fact.item() if hasattr(fact, "item") else fact


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    print(json.dumps({"ca": asyncio.run(over_ca(wanted["ca"])), "pva": over_pva(wanted["pva"])}))
