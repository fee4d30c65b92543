"""Recorded YAML files as nodes: texts as they are written, each with its line, and what is wrong with them reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.problems import Problems

_DEEPEST: Final = 64


@dataclass
class Nodes:
    """Reads the nodes of one file.

    :param code: of the problems that are reported.
    :param hint: what to do about each of them.
    """

    source: Source
    problems: Problems
    code: str
    hint: str

    def document(self) -> Node | None:
        """Return the one document of the file; None, with a problem, when there is none."""
        at, reason = Position(self.source.name), "it is empty"
        try:
            refused = self._refused()
            if refused is None:
                document: Node | None = YAML(typ="safe").compose(self.source.text)
                if document is not None:
                    return document
            else:
                at, reason = refused
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = Position(self.source.name, mark.line + 1, mark.column + 1) if mark else at
            reason = f"not valid YAML: {error.problem}"
        except ReaderError as error:
            reason = f"not valid YAML: {error.reason}"
        except (YAMLError, ValueError) as error:
            reason = f"not valid YAML: {error}"
        self.wrong(at, reason)
        return None

    def _refused(self) -> tuple[Position, str] | None:
        """Report aliases and depths that make a small file a huge tree; the C library recurses without a limit."""
        depth = 0
        for event in YAML(typ="safe").parse(self.source.text):
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > _DEEPEST or isinstance(event, AliasEvent):
                at = Position(self.source.name, event.start_mark.line + 1, event.start_mark.column + 1)
                return at, "it is nested too deeply" if depth > _DEEPEST else "aliases are not read"
        return None

    def mapping(self, node: Node, what: str) -> dict[str, Node]:
        """Return the entries of a mapping, in order; a node that is not a mapping is reported as `what`."""
        if not isinstance(node, MappingNode):
            self.wrong(self.at(node), f"{what} is a mapping")
            return {}
        parts: dict[str, Node] = {}
        for key, value in node.value:
            name = self.text(key)
            if name in parts:
                self.wrong(self.at(key), f"{name} stands here twice")
            parts[name] = value
        return parts

    def optional(self, parts: Mapping[str, Node], key: str) -> dict[str, Node]:
        """Return the entries of an optional mapping; empty if it is missing."""
        return self.mapping(parts[key], f"`{key}`") if key in parts else {}

    def known(self, parts: Mapping[str, Node], keys: frozenset[str]) -> None:
        """Report keys that are none of those that are read."""
        for key, node in parts.items():
            if key not in keys:
                self.wrong(self.at(node), f"{key} is not a known key here")

    def text(self, node: Node | None) -> str:
        """Return a scalar as it is written; empty if it is missing."""
        if node is None:
            return ""
        if isinstance(node, ScalarNode):
            return str(node.value)
        self.wrong(self.at(node), "text is expected here")
        return ""

    def texts(self, node: Node | None) -> tuple[str, ...]:
        """Return a list of scalars as they are written; empty if it is missing."""
        if node is None:
            return ()
        if isinstance(node, SequenceNode):
            return tuple(self.text(item) for item in node.value)
        self.wrong(self.at(node), "a list is expected here")
        return ()

    def at(self, node: Node) -> Position:
        """Return the position of a node."""
        return Position(self.source.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def wrong(self, at: Position, message: str) -> None:
        """Report something as an error."""
        self.problems.error(self.code, at, message, hint=self.hint)
