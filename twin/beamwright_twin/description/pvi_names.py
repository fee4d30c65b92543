"""What a recorded tree has, by name."""

from __future__ import annotations

from collections.abc import Iterator

from beamwright_generator.parse.yaml.snapshot_file import RecordedBlock, RecordedEntry, RecordedSides, RecordedSignal


def named(block: RecordedBlock) -> Iterator[tuple[str, RecordedEntry]]:
    """Yield the entries of a block, those of its vector by their numbers."""
    yield from block.entries.items()
    yield from ((str(number), entry) for number, entry in block.numbered.items())


def blocks(root: RecordedBlock) -> Iterator[RecordedBlock]:
    """Yield a block and all below it."""
    yield root
    for _, entry in named(root):
        if isinstance(entry, RecordedBlock):
            yield from blocks(entry)


def signals(entry: RecordedSignal | RecordedSides) -> list[RecordedSignal]:
    """Yield the signals of an entry: two if its PVs serve different things."""
    return list(entry.sides.values()) if isinstance(entry, RecordedSides) else [entry]


def pv_types(root: RecordedBlock) -> dict[str, str]:
    """Return the recorded types of the PVs that can be served; `pvi` is a structure of the tree itself."""
    found: dict[str, str] = {}
    for block in blocks(root):
        if block.pvi:
            found[block.pvi] = "pvi"
        for _, entry in named(block):
            for signal in () if isinstance(entry, RecordedBlock) else signals(entry):
                if not signal.missing:
                    found |= dict.fromkeys(signal.access.values(), signal.type)
    return found
