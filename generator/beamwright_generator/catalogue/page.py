"""The text of a catalogue: one page with everything in it, that loads nothing and runs only its own script.

Texts of descriptions stand in it as JSON alone, where no text can end the element; the script shows them as text nodes.
The content security policy names the script and the style by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, Generic, TypeVar

import jinja2
from markupsafe import Markup

from beamwright_generator.basics.source_text import Position
from beamwright_generator.catalogue.entries import Catalogue, CatalogueEntry, ClassSignals, SignalRow, Unit
from beamwright_generator.model import Detector
from beamwright_generator.problems import Problem

_SCRIPTS: Final = (
    "data.js",
    "page.js",
    "search.js",
    "tree.js",
    "picture.js",
    "signals.js",
    "detail.js",
    "start.js",
)
T = TypeVar("T")
_IN_MARKUP: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})


def render_catalogue(catalogue: Catalogue) -> str:
    """Return the HTML page of a catalogue."""
    style, script = _part("style.css"), "\n".join(_part(name) for name in _SCRIPTS)
    allowed = {"default-src": "'none'", "script-src": _digest(script), "style-src": _digest(style)}
    policy = "; ".join(
        f"{what} {who}" for what, who in {**allowed, "base-uri": "'none'", "form-action": "'none'"}.items()
    )
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=catalogue.title or catalogue.name,
            policy=Markup(policy),
            style=Markup(style),
            script=Markup(script),
            data=Markup(as_json(catalogue)),
        )
    )


def as_json(catalogue: Catalogue) -> str:
    """Return the data of the page, as JSON that is safe inside an HTML element."""
    text = json.dumps(_Encoding().catalogue(catalogue), ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate has no UTF-8: it is written as the escape that JSON has for it.
    return text.translate(_IN_MARKUP).encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def _part(name: str) -> str:
    return files("beamwright_templates").joinpath("catalogue", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("beamwright_templates", "catalogue"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
    )


@dataclass
class _NumberTable(Generic[T]):
    """Things that many rows share, each written once; rows have their numbers."""

    numbers: dict[T, int]

    def of(self, thing: T) -> int:
        """Return the number of a thing, a new one if it is new."""
        return self.numbers.setdefault(thing, len(self.numbers))


@dataclass
class _Encoding:
    """Turns a catalogue into what the page's script reads; number 0 is always the empty text."""

    texts: _NumberTable[str] = field(default_factory=lambda: _NumberTable({"": 0}))
    choices: _NumberTable[tuple[str, ...]] = field(default_factory=lambda: _NumberTable({(): 0}))
    kinds: _NumberTable[ClassSignals] = field(default_factory=lambda: _NumberTable({}))

    def catalogue(self, catalogue: Catalogue) -> dict[str, Any]:
        """Encode everything."""
        devices = [self._device(entry) for entry in catalogue.entries]
        kinds = [self._kind(kind) for kind in self.kinds.numbers]
        return {
            "name": catalogue.name,
            "title": catalogue.title,
            "source": catalogue.source,
            "iocs": [{"name": ioc.name, "observed": ioc.observed, "answered": ioc.answered} for ioc in catalogue.iocs],
            "devices": devices,
            "kinds": kinds,
            "problems": [_problem(problem) for problem in catalogue.problems],
            "texts": list(self.texts.numbers),
            "choices": list(self.choices.numbers),
        }

    def _device(self, entry: CatalogueEntry) -> dict[str, Any]:
        place = entry.placed.place
        return {
            "name": place.name,
            "type": entry.type,
            "doc": place.doc,
            "ioc": place.ioc,
            "policy": place.policy.value,
            "optional": place.optional,
            "timeout": place.timeout,
            "at": _at(place.at),
            "frames": entry.placed.frames if isinstance(entry.placed, Detector) else (),
            "parts": [self._unit(unit) for unit in entry.units],
        }

    def _unit(self, unit: Unit) -> dict[str, Any]:
        optional = {
            "arguments": unit.arguments,
            "words": unit.words,
            "observed": {number: self.texts.of(text) for number, text in unit.observed.items()},
        }
        return {
            "attribute": unit.attribute,
            "kind": self.kinds.of(unit.kind),
            "prefix": unit.prefix,
            "protocol": unit.protocol,
            "doc": unit.doc,
            "at": _at(unit.at),
            **{name: value for name, value in optional.items() if value},
        }

    def _kind(self, kind: ClassSignals) -> dict[str, Any]:
        return {
            "name": kind.name,
            "module": kind.module,
            "doc": kind.doc,
            "lineage": kind.lineage,
            "sources": kind.sources,
            "rows": [list(self._row(row)) for row in kind.rows],
        }

    def _row(self, row: SignalRow) -> Iterable[str | int]:
        yield row.attribute
        yield self.texts.of(row.owner)
        yield self.texts.of(row.access)
        yield self.texts.of(row.datatype)
        yield from (row.read, row.write, row.doc)
        yield self.texts.of(row.units)
        yield self.choices.of(row.choices)
        yield self.texts.of(row.record)
        yield self.texts.of(row.format)
        yield self.texts.of(row.at.file if row.at else "")
        yield row.at.line if row.at else 0


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "file": problem.at.file if problem.at else "",
        "line": problem.at.line if problem.at else 0,
        "message": problem.message,
        "detail": problem.detail,
        "hint": problem.hint,
    }


def _at(position: Position | None) -> str:
    return f"{position.file}:{position.line}" if position else ""
