"""The modules that classes are written to: one for each template, unless these would import each other in a ring."""

from __future__ import annotations

from collections.abc import Sequence

from beamwright_generator.resolve.content.device_content import Content, Identity
from beamwright_generator.resolve.naming.identifiers import Names, snake


class Modules:
    """Gives each content its module.

    Templates of one name share a module. Where one of them includes what includes another of them, Python could import
    neither module before the other, so that the later class gets a module of its own.

    :param contents: those that are included stand before those that include them.
    """

    def __init__(self, contents: Sequence[Content]) -> None:
        self._names = Names()
        self._imports: dict[str, set[str]] = {}
        self.of: dict[Identity, str] = {}
        stems = dict.fromkeys(content.stem for content in contents)
        current = {stem: self._names.take(snake(stem) or "records") for stem in stems}
        for content in contents:
            needed = [base.content for base in content.bases] + [part for _, part in content.parts]
            imported = {self.of[other.identity] for other in needed if not other.is_motor}
            module = current[content.stem]
            if any(module in self._reached(other) for other in imported - {module}):
                module = current[content.stem] = self._names.take(module)
            self.of[content.identity] = module
            self._imports.setdefault(module, set()).update(imported - {module})

    def _reached(self, module: str) -> set[str]:
        """Return the modules that one imports, directly or not."""
        found: set[str] = set()
        waiting = [module]
        while waiting:
            new = self._imports.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found
