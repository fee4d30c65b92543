"""The forms in which an audit is given: JSON for programs, SARIF for code scanning, annotations for GitHub's pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, Final

from beamwright_generator.audit.class_check import Audit
from beamwright_generator.audit.findings import Finding
from beamwright_generator.basics.source_text import Position
from beamwright_generator.problems import CODES, Problem, Severity

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_json(audit: Audit, findings: Sequence[Finding]) -> str:
    """Return counts and findings; each names the place in the source and that of the record."""
    document = {
        "classes": audit.classes,
        "signals": audit.signals,
        "skipped": audit.skipped,
        "findings": [
            {
                "code": one.problem.code,
                "severity": one.problem.severity.value,
                "class": one.cls,
                "attribute": one.attribute,
                "pv": one.pv,
                "against": one.against,
                "source": _place(one.problem.at),
                "database": _place(one.database),
                "message": one.problem.message,
                "detail": list(one.problem.detail),
                "hint": one.problem.hint,
            }
            for one in findings
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _place(at: Position | None) -> dict[str, Any] | None:
    return {"file": at.file, "line": at.line, "column": at.column} if at else None


def as_sarif(findings: Sequence[Finding]) -> str:
    """Return findings as SARIF 2.1.0, which code scanning takes."""
    codes = sorted({one.problem.code for one in findings})
    driver = {
        "name": "gen audit",
        "version": version("beamwright"),
        "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes) for one in findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _result(one: Finding, codes: Sequence[str]) -> dict[str, Any]:
    problem = one.problem
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": problem.severity.value,
        "message": {"text": _text(problem)},
    }
    if problem.at is not None:
        result["locations"] = [_location(problem.at)]
    if one.database is not None:
        related = {**_location(one.database), "message": {"text": f"the record in {one.against}"}}
        result["relatedLocations"] = [{"id": 1, **related}]
    return result


def _location(at: Position) -> dict[str, Any]:
    region = {"startLine": at.line, "startColumn": at.column}
    return {"physicalLocation": {"artifactLocation": {"uri": at.file}, "region": region}}


def _text(problem: Problem) -> str:
    hint = [f"hint: {problem.hint}"] if problem.hint else []
    return "\n".join((problem.message, *problem.detail, *hint))


def as_annotations(findings: Iterable[Finding]) -> str:
    """Return findings as the commands by which a GitHub workflow marks lines of a change."""
    return "".join(_annotation(one.problem) for one in findings)


def _annotation(problem: Problem) -> str:
    at = problem.at or Position("")
    where = f"file={_escaped(at.file, property_=True)},line={at.line},col={at.column},title={problem.code}"
    return f"::{_COMMANDS[problem.severity]} {where}::{_escaped(_text(problem))}\n"


def _escaped(text: str, *, property_: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_ else text
