"""What one process of a twin serves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class PvList(ABC):
    """What one IOC of the twin serves.

    :param name: the IOC's name in the beamline file.
    :param types: what it serves, with the type of each: records, aliases not counted, or PVs of recorded trees.
    :param aliases: the records' other names.
    :param left_out: what the twin cannot serve as described, and why.
    """

    name: str
    types: Mapping[str, str]
    aliases: Mapping[str, str]
    left_out: tuple[str, ...] = ()

    module: ClassVar[str]
    """The module that is the process."""
    pva_only: ClassVar[bool] = False
    """Whether it serves no CA."""

    @abstractmethod
    def config(self) -> Mapping[str, Any]:
        """Return the configuration of the process, as JSON can hold it."""

    @abstractmethod
    def without(self, names: Iterable[str]) -> Self:
        """Leave things out, as an IOC has them that was started from other descriptions."""
