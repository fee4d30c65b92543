"""Names of a beamline's module that stand for what is slow to import: imported for the factories that use them.

ADR 0018 rules here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from inspect import unwrap
from types import CodeType, FunctionType


class LateNames:
    """The names that a function, its annotations and what it calls use, and that its module gets when it is needed.

    :param function: its module keeps what it already has of a name.
    :param modules: by each name that is late, where it is imported from.
    """

    def __init__(self, function: Callable[..., object], modules: Mapping[str, str]) -> None:
        self._function = function
        self._modules = modules

    @property
    def missing(self) -> dict[str, str]:
        """Where those names are imported from that are not in the function's module yet."""
        inner = unwrap(self._function)
        if not self._modules or not isinstance(inner, FunctionType):
            return {}
        wanted = self._modules.keys() & _names_in(inner) - inner.__globals__.keys()
        return {name: self._modules[name] for name in sorted(wanted)}

    def load(self) -> None:
        """Import what is missing.

        :raises ImportError: if there is no such module, or it has no such name.
        """
        for name, module in self.missing.items():
            function = unwrap(self._function)
            try:
                function.__globals__[name] = getattr(import_module(module), name)
            except (ImportError, AttributeError) as error:
                message = f"{function.__name__}() needs {name}, which is late from {module}: {error}"
                raise ImportError(message, name=module) from error


def _names_in(function: FunctionType) -> set[str]:
    """Return the names that a function uses, and those used by functions of its module that it calls."""
    module = function.__globals__
    names: set[str] = set()
    functions = [function]
    for used in functions:  # grows meanwhile
        found = {*_names_of(used.__code__), *_names_of_annotations(used)}
        names |= found
        for name in found:
            called = module.get(name)
            inner = unwrap(called) if isinstance(called, FunctionType) else None
            if isinstance(inner, FunctionType) and inner.__globals__ is module and inner not in functions:
                functions.append(inner)
    return names


def _names_of_annotations(function: FunctionType) -> Iterator[str]:
    for annotation in function.__annotations__.values():
        if isinstance(annotation, str):
            yield from re.findall(r"\w+", annotation)


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):  # a comprehension or a lambda within
            yield from _names_of(constant)
