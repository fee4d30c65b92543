"""Changes as a person or a pipeline reads them: plain text, Markdown for a pull request, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from beamwright_generator.basics.grammar import counted
from beamwright_generator.changes.diff.change import HEADINGS, Change, ChangeKind, Changes, Effect

FORMAT = 1
"""The version of the JSON form; a key is added without a new one."""


def text(changes: Changes, uses: Sequence[str] = ()) -> str:
    """Write a change on each line, breaking ones first, and the counts last.

    :param uses: places of plans that use what broke.
    """
    lines = [
        f"{effect:10} {kind:9} {' '.join(change.phrase().split())}"
        for effect in Effect
        for kind in ChangeKind
        for change in changes.of(effect, kind)
    ]
    used = ["used by plans:", *(f"  {place}" for place in uses)] if uses else []
    return "\n".join([*lines, changes.tally(), *used]) + "\n"


def markdown(name: str, changes: Changes, uses: Sequence[str] = ()) -> str:
    """Write changes as a section of a pull request.

    :param uses: places of plans that use what broke.
    """
    lines = [f"### {name}: {changes.tally()}"]
    for effect in (Effect.BREAKING, Effect.COMPATIBLE):
        for kind in ChangeKind:
            found = changes.of(effect, kind)
            if found:
                heading = f"**{HEADINGS[kind]}**{' (breaking)' if effect is Effect.BREAKING else ''}"
                lines += ["", heading, "", *_listed(found)]
    cosmetic = changes.of(Effect.COSMETIC)
    if cosmetic:
        summary = f"<summary>{counted(len(cosmetic), 'cosmetic change')}</summary>"
        lines += ["", "<details>", summary, "", *_listed(cosmetic), "", "</details>"]
    if uses:
        lines += ["", f"Plans that use what broke: {', '.join(map(code, uses))} (run {code('gen migrate')})"]
    return "\n".join(lines) + "\n"


def _listed(found: Sequence[Change]) -> Iterator[str]:
    return (f"- {' '.join(change.phrase(code).split())}" for change in found)


def code(words: str) -> str:
    """Mark words as code in Markdown, whatever they hold."""
    folded = " ".join(words.split())
    ticks = "`" * (max(map(len, re.findall(r"`+", folded)), default=0) + 1)
    pad = " " if folded.startswith("`") or folded.endswith("`") else ""
    return f"{ticks}{pad}{folded}{pad}{ticks}"


def as_json(old: str, new: str, changes: Changes) -> str:
    """Write changes as JSON, with the names of both sides."""
    document = {
        "format": FORMAT,
        "old": old,
        "new": new,
        "counts": {str(effect): n for effect, n in changes.counts.items()},
        "changes": [_fields(change) for effect in Effect for change in changes.of(effect)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _fields(change: Change) -> Mapping[str, Any]:
    told = {
        "effect": str(change.effect),
        "kind": str(change.kind),
        "subject": str(change.subject),
        "owner": change.owner,
        "name": change.name,
        "to": change.to,
        "before": change.before,
        "after": change.after,
        "pvs": list(change.pvs),
        "found_by": change.found_by,
        "note": change.note,
    }
    return {key: value for key, value in told.items() if value}
