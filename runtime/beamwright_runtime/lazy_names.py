"""Names of a module that are imported when they are first used.

ADR 0018 rules here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module


def lazy_names(
    module: str, names: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a module that imports some of its names late.

        __getattr__, __dir__ = lazy_names(__name__, {"package.slow": ("Slow",)})

    Type checkers need the same names as imports under `TYPE_CHECKING`.

    :param module: the name of the module.
    :param names: by the module that they are imported from.
    """
    sources = {name: source for source, found in names.items() for name in found}

    def get(name: str) -> object:
        if name not in sources:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value: object = getattr(import_module(sources[name]), name)
        setattr(sys.modules[module], name, value)
        return value

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *sources})

    return get, list_names
