"""Where the entries of a beamline file stand."""

from __future__ import annotations

from typing import Any

from beamwright_generator.basics.source_text import Position


class BeamlinePositions:
    """Finds the line of each entry of a beamline file."""

    def __init__(self, file: str, data: Any) -> None:
        self._file = file
        self._data = data

    def of(self, *path: str | int) -> Position:
        """Return the position of an entry, or of the nearest entry around it that stands in the file."""
        node = self._data
        at = Position(self._file)
        for key in path:
            lc = getattr(node, "lc", None)
            if lc is None:
                break
            try:
                line, column = lc.key(key) if isinstance(node, dict) else lc.item(key)
                node = node[key]
            except (KeyError, IndexError, TypeError):
                break
            at = Position(self._file, line + 1, column + 1)
        return at
