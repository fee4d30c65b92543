"""What an included file's class may hold: what all that include the file leave as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from beamwright_generator.resolve.content.device_content import Content, Identity


class Division:
    """Finds the attributes that contents do not take over from what they include.

    :param contents: those that are included stand before those that include them.
    """

    def __init__(self, contents: Sequence[Content]) -> None:
        self._contents = contents
        self._changed: dict[tuple[Identity, Identity], set[str]] = {}
        for user in contents:
            for base in user.bases:
                theirs = base.content.kinds.items()
                changed = {name for name, kind in theirs if user.kinds.get(name) != kind}
                self._changed[user.identity, base.content.identity] = changed

    def changed(self, user: Content, base: Content) -> bool:
        """Return whether a content has some attribute of an included one otherwise, or not from there."""
        return bool(self._changed[user.identity, base.identity])

    def take_out(self, user: Content, base: Content, attribute: str) -> None:
        """Let a content have an attribute not from this file, but from another one that it includes."""
        self._changed[user.identity, base.identity].add(attribute)
        self.__dict__.pop("removed", None)

    @cached_property
    def removed(self) -> dict[Identity, set[str]]:
        """What some content that includes it, directly or not, does not take over from each content."""
        removed: dict[Identity, set[str]] = {content.identity: set() for content in self._contents}
        for content in reversed(self._contents):  # users before what they include
            missing = removed[content.identity]
            for base in content.bases:
                if not base.content.is_motor:
                    changed = self._changed[content.identity, base.content.identity]
                    removed[base.content.identity] |= changed | (missing & base.content.kinds.keys())
        return removed
