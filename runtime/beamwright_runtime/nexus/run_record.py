"""The documents of one run, kept until it stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from event_model import unpack_event_page

PRIMARY = "primary"


@dataclass(frozen=True)
class Stretch:
    """Rows of a file, as a stream datum tells of them.

    :param seq: the sequence number of the first row.
    :param resource: the uid of the stream resource.
    :param index: of the first row within the resource.
    :param rows: how many there are.
    """

    seq: int
    resource: str
    index: int
    rows: int


@dataclass
class Stream:
    """One stream of a run; where descriptors or events come again, the last ones count."""

    data_keys: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    hints: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    configuration: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    events: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    stretches: dict[str, list[Stretch]] = field(default_factory=dict)

    def describe(self, descriptor: Mapping[str, Any]) -> None:
        """Add what a descriptor says."""
        self.data_keys |= descriptor["data_keys"]
        self.objects |= {key: name for name, keys in descriptor.get("object_keys", {}).items() for key in keys}
        self.hints |= descriptor.get("hints", {})
        self.configuration |= descriptor.get("configuration", {})

    @property
    def hinted(self) -> list[str]:
        """The data keys to show first."""
        return [key for hints in self.hints.values() for key in hints.get("fields", []) if key in self.data_keys]

    @property
    def last(self) -> int:
        """The highest sequence number of an event or a row."""
        ends = [one.seq + one.rows - 1 for stretches in self.stretches.values() for one in stretches]
        return max([*self.events, *ends], default=0)


class RunRecord:
    """A document consumer that keeps one run.

    :param start: its start document.
    """

    def __init__(self, start: Mapping[str, Any]) -> None:
        self.start = start
        self.stop: Mapping[str, Any] = {}
        self.streams: dict[str, Stream] = {}
        self.resources: dict[str, Mapping[str, Any]] = {}
        self._described: dict[str, Stream] = {}

    def __call__(self, name: str, document: Any) -> None:
        """Record a document of the run."""
        match name:
            case "descriptor":
                stream = self.streams.setdefault(document.get("name", "primary"), Stream())
                stream.describe(document)
                self._described[document["uid"]] = stream
            case "event":
                self._described[document["descriptor"]].events[document["seq_num"]] = document
            case "event_page":
                for event in unpack_event_page(document):
                    self("event", event)
            case "stream_resource":
                self.resources[document["uid"]] = document
            case "stream_datum":
                self._keep_stretch(document)
            case "stop":
                self.stop = document
            case _:
                pass

    def _keep_stretch(self, datum: Mapping[str, Any]) -> None:
        resource, indices = datum["stream_resource"], datum["indices"]
        stretches = self._described[datum["descriptor"]].stretches
        stretches.setdefault(self.resources[resource]["data_key"], []).append(
            Stretch(datum["seq_nums"]["start"], resource, indices["start"], indices["stop"] - indices["start"])
        )

    def stream(self, name: str) -> Stream:
        """Return a stream, an empty one if there is none."""
        return self.streams.get(name, Stream())

    @property
    def main_name(self) -> str:
        """The name of the stream that has the frames: told, or "primary", or the only one with rows in files."""
        flown = self.start.get("fly_scan")
        name = flown.get("stream", PRIMARY) if isinstance(flown, Mapping) else PRIMARY
        filled = [name for name, stream in self.streams.items() if stream.stretches]
        return filled[0] if name not in self.streams and len(filled) == 1 else name

    @property
    def main(self) -> Stream:
        """The stream that has the frames."""
        return self.stream(self.main_name)
