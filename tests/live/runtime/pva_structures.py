"""Structures that records never are, served over PVA: tables, images, enums in trouble, values without a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from p4p import Type, Value
from p4p.nt import NTEnum, NTNDArray, NTScalar, NTTable
from p4p.server import Server, ServerOperation, StaticProvider
from p4p.server.thread import SharedPV

INTEGERS: dict[str, type[np.integer[Any]]] = {
    "b": np.int8,
    "B": np.uint8,
    "h": np.int16,
    "H": np.uint16,
    "i": np.int32,
    "I": np.uint32,
    "l": np.int64,
    "L": np.uint64,
}
ELEMENTS: dict[str, type[np.generic]] = {"?": np.bool_, **INTEGERS, "f": np.float32, "d": np.float64}
IMAGES = {
    "Mono8": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "Mono16": np.arange(12, dtype=np.uint16).reshape(4, 3),
    "Signed": np.arange(-6, 6, dtype=np.int32).reshape(2, 6),
    "Real": np.linspace(0, 1, 6).reshape(2, 3),
    "Colour": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    "Row": np.arange(5, dtype=np.int64),
}


class Keep:
    """Takes what is put."""

    def put(self, pv: SharedPV, operation: ServerOperation) -> None:
        """Post the value and say that it is done."""
        pv.post(operation.value())
        operation.done()


class Refuse:
    """Takes nothing."""

    def put(self, pv: SharedPV, operation: ServerOperation) -> None:
        """Say why not."""
        operation.done(error="not while the shutter is open")


@contextmanager
def serve_structures(environment: Mapping[str, str]) -> Iterator[Server]:
    """Serve them where `EPICS_PVAS_...` of an environment say."""
    provider = StaticProvider("structures")
    # A value is kept as long as its object: the provider does not keep it.
    served: list[SharedPV] = []

    def add(name: str, nt: Any, value: Any, handler: Any = None) -> None:
        served.append(SharedPV(nt=nt, initial=value, handler=handler or Keep()))
        provider.add(f"P:{name}", served[-1])

    full = {"display": True, "control": True, "valueAlarm": True}
    for code, element in INTEGERS.items():
        limits = np.iinfo(element)
        add(f"Scalar:{code}", NTScalar(code, **full), limits.max)
    for code in "fd":
        add(f"Scalar:{code}", None, described(code))
    add("Scalar:?", NTScalar("?", display=True), True)
    add("Scalar:s", NTScalar("s", display=True), "text")
    for code, element in ELEMENTS.items():
        add(f"Array:{code}", NTScalar("a" + code, display=True), np.array([0, 1, 1], element))
    add("Array:s", NTScalar("as"), ["a", "bc"])
    add("Chars", NTScalar("ab"), np.frombuffer(b"a long text\0\0", np.int8))

    add("Enum", NTEnum(display=True), {"index": 1, "choices": ["One", "Two", "Three"]})
    add("NoChoices", NTEnum(), {"index": 2, "choices": []})
    add("BeyondChoices", NTEnum(), {"index": 7, "choices": ["One", "Two", "Three"]})

    columns = [("truth", "?"), ("number", "i"), ("real", "d"), ("text", "s")]
    rows = [
        {"truth": True, "number": 1, "real": 0.5, "text": "a"},
        {"truth": False, "number": 2, "real": 2.5, "text": "b"},
    ]
    add("Table", NTTable(columns), rows)
    add("UnsetTable", None, Value(NTTable.buildType([(name, "a" + code) for name, code in columns])))

    for name, pixels in IMAGES.items():
        add(f"Image:{name}", NTNDArray(), pixels)
    add("Image:None", None, Value(NTNDArray.buildType()))
    compressed = Value(NTNDArray.buildType(), {"value": np.zeros(5, np.uint8), "dimension": [{"size": 4}, {"size": 3}]})
    add("Image:Compressed", None, compressed)

    add("Timeless", None, Value(Type([("value", "d")], id="epics:nt/NTScalar:1.0"), {"value": 1.5}))
    add("Refusing", NTScalar("d"), 1.5, Refuse())
    with Server(providers=[provider], conf=dict(environment), useenv=False) as server:
        yield server


def described(code: str) -> Value:
    """Give a number with all that a server can say about it."""
    return Value(
        NTScalar.buildType(code, display=True, control=True, valueAlarm=True, form=True),
        {
            "value": 2.5,
            "alarm.severity": 1,
            "display": {"units": "mm", "limitLow": -10, "limitHigh": 10, "precision": 3},
            "control": {"limitLow": -8, "limitHigh": 8},
            "valueAlarm": {"lowAlarmLimit": -9, "highAlarmLimit": 9, "lowWarningLimit": -7, "highWarningLimit": 7},
        },
    )
