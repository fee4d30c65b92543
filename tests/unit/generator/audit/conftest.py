"""What the cases import of ophyd-async is the same for all of them: it is parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest


@pytest.fixture(scope="package", autouse=True)
def _parse_each_text_once() -> Iterator[None]:
    """Keep the tree of every module, which an audit reads and does not change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ast, "parse", cache(ast.parse))
        yield
