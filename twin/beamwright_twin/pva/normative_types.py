"""What a recorded signal serves over PVA: the normative type, its first value, and values on their way in and out.

Types and fields are those of the EPICS V4 Normative Types specification, as `observe.nt_facts` reads them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from p4p import Type, Value
from p4p.nt import NTEnum, NTNDArray, NTScalar
from p4p.nt.common import alarm, timeStamp

from beamwright_generator.basics.choices import PVA_CODES
from beamwright_generator.parse.yaml.snapshot_file import RecordedSignal

CODES: Final = {"bool": "?", **PVA_CODES}
"""p4p's codes of the scalar types."""

Table = dict[str, Any]
"""The columns of a table by name: arrays of numpy, or lists of texts."""


class NormativeType:
    """The structure that the PVs of a signal serve, and its values as Python has them.

    A value is a number, a text, an array, the text of a state, a `Table`, or None for what is neither.
    """

    def __init__(self, recorded: RecordedSignal) -> None:
        self._recorded = recorded
        self.kind = recorded.type.removesuffix("[]")
        self.array = recorded.type.endswith("[]")
        self.type: Type = self._built()

    def _built(self) -> Type:
        recorded = self._recorded
        match self.kind:
            case "enum":
                return NTEnum.buildType(display=bool(recorded.description or recorded.units))
            case "table":
                return Type(
                    [
                        ("labels", "as"),
                        ("value", ("S", None, [(name, _code(column.type)) for name, column in self._columns()])),
                        ("descriptor", "s"),
                        ("alarm", alarm),
                        ("timeStamp", timeStamp),
                    ],
                    id="epics:nt/NTTable:1.0",
                )
            case "image":
                return NTNDArray.buildType()
            case "unknown":
                return Type([("value", "v"), ("descriptor", "s")], id=recorded.nt or "structure")
        form = recorded.precision is not None
        return NTScalar.buildType(_code(recorded.type), display=True, control=not self.array, form=form)

    def _columns(self) -> Sequence[tuple[str, Any]]:
        return tuple(self._recorded.columns.items())

    def first(self) -> Any:
        """Return the value that a signal has before anything is known: 0, empty, or the first state."""
        match self.kind:
            case "enum":
                return next(iter(self._recorded.choices), "")
            case "table":
                return {name: self._empty(column.type) for name, column in self._columns()}
            case "image" | "unknown":
                return None
            case _ if self.array:
                return self._empty(self._recorded.type)
            case "str":
                return ""
            case "bool":
                return False
        return 0

    def _empty(self, kind: str) -> Any:
        if not kind.endswith("[]"):
            return ""
        return [] if kind == "str[]" else np.zeros(0, kind.removesuffix("[]"))

    def whole(self, value: Any) -> Value:
        """Make the structure with everything that was recorded of it."""
        recorded = self._recorded
        made = self.changed(value)
        if self.kind == "enum":
            made["value.choices"] = list(recorded.choices)
        facts = {"display.description": recorded.description, "display.units": recorded.units}
        facts["descriptor"] = recorded.description
        for name, fact in facts.items():
            if fact and self.has(name):
                made[name] = fact
        if recorded.precision is not None and self.has("display.precision"):
            made["display.precision"] = recorded.precision
        return made

    def has(self, name: str) -> bool:
        """Return whether the structure has a field, which may be nested."""
        above, _, below = name.rpartition(".")
        return bool(
            (self.type[above] if self.type.has(above) else Type([])).has(below) if above else self.type.has(name)
        )

    def changed(self, value: Any) -> Value:
        """Make the structure with a value, and when it was taken."""
        made = Value(self.type, {})
        match self.kind:
            case "enum":
                made["value.index"] = self._recorded.choices.index(value) if value in self._recorded.choices else 0
            case "table":
                for name, column in value.items():
                    made[f"value.{name}"] = column
                made["labels"] = list(value)
            case "image" | "unknown":
                if value is not None:
                    made["value"] = value
            case _:
                made["value"] = value
        if self.has("timeStamp"):
            seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
            made["timeStamp"] = {"secondsPastEpoch": seconds, "nanoseconds": nanoseconds}
        return made

    def read(self, put: Value, before: Any) -> Any:
        """Return the value that a client put.

        :param before: the value so far; columns that the client did not write stay as they are.
        :raises ValueError: when it is not a value of this signal.
        """
        match self.kind:
            case "enum":
                index = int(put["value.index"])
                if not 0 <= index < len(self._recorded.choices):
                    raise ValueError(f"there is no choice {index}")
                return self._recorded.choices[index]
            case "table":
                columns = {n: put[f"value.{n}"] if put.changed(f"value.{n}") else before[n] for n, _ in self._columns()}
                if len({len(column) for column in columns.values()}) > 1:
                    raise ValueError("the columns of the table are not of the same length")
                return columns
        return put["value"]


def _code(kind: str) -> str:
    """Return p4p's code of a recorded type; what is not an array of scalars is a text."""
    code = CODES.get(kind.removesuffix("[]"), "s")
    return f"a{code}" if kind.endswith("[]") else code


def rows(table: Table) -> list[Mapping[str, Any]]:
    """Return the rows of a table."""
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
