"""A template instance with its content and its prefix: what becomes a device."""

from __future__ import annotations

from dataclasses import dataclass

from beamwright_generator.parse.macros.maclib import MacroScope
from beamwright_generator.resolve.content.device_content import Content
from beamwright_generator.resolve.devices.template_instances import Instance
from beamwright_generator.tables.ophyd_async_classes import shipped_class


@dataclass(frozen=True, slots=True)
class Seen:
    """One instance with one of its contents and its device prefix.

    :param start: what the constructor gets, where records of a recorded tree do not all begin with the prefix.
    """

    instance: Instance
    content: Content
    prefix: str
    arguments: tuple[tuple[str, str], ...]
    start: str | None = None

    def macro(self, name: str) -> str:
        """Return a macro's value; empty when it has none."""
        return MacroScope(self.instance.macros).value(name) or ""

    def extends(self, path: str) -> bool:
        """Return whether the class extends one that ophyd-async ships."""
        return _extends(self.content, path)


def _extends(content: Content, path: str) -> bool:
    for ref in content.signals.extended:
        own = f"{ref.module}.{ref.name}"
        shipped = shipped_class(own)
        if own == path or (shipped and path in shipped.lineage):
            return True
    return False
