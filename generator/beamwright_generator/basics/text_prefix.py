"""What texts begin with."""

from __future__ import annotations

import os
from collections.abc import Iterable


def text_prefix(texts: Iterable[str]) -> str:
    """Return the characters that all texts begin with; empty if there are no texts."""
    return os.path.commonprefix(list(texts))  # noqa: RUF071 - of characters, as PVs have no path components
