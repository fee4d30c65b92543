"""A module that a test has for itself: others make devices of the one that all import."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec
from types import ModuleType


def own_module(name: str) -> ModuleType:
    """Execute a module anew, under no name that anybody could import."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
