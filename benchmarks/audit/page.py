"""The page about what the audit finds in shipped classes, as `benchmarks.audit --page` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Final, NamedTuple

from benchmarks.shared.report import Figure

DISTRIBUTIONS: Final = {"ophyd_async": "ophyd-async", "dodal": "dls-dodal"}
LONGEST: Final = 160
"""Characters of what connecting says."""


HOW: Final = """\
[`gen audit`](auditing.md) read every EPICS device class of these libraries and compared it with public databases: those
of areaDetector, of several EPICS modules, and those that ophyd-async brings. Then the classes were really made, and all
of their signals were connected and read over CA and PVA: what is on records of base types to a soft IOC, the rest
(motor, busy) to an IOC of EPICS base that has these types in Python. A verdict counts as right only if it is what came
of connecting. It is given twice: for the database as it is, and for what is left of it without hardware, as served.
"""

WHICH: Final = """\
Each class stands with the database that serves most of its PVs. A driver whose own template is not among these is
compared with one that its template includes, such as ADBase.template: what is missing then is what the driver adds.
*own* marks classes that are known to mirror just this database.
"""

LIMITS: Final = """\
- A driver brings its own states when it starts. The IOCs here have no drivers, so a signal with the warning
  `audit-runtime-states` was connected with the described states, which may not be those of the driver.
- Classes that need more than prefixes are read and audited, but were not made:
"""


class Found(NamedTuple):
    """One finding, and what came of connecting its signal: None when it connects."""

    severity: str
    code: str
    message: str
    hint: str
    outcome: str | None


class Row(NamedTuple):
    """One class with the database that serves most of it."""

    library: str
    cls: str
    database: str
    own: bool
    signals: int
    findings: Sequence[Found]

    def count(self, severity: str) -> int:
        """Count its findings of one severity."""
        return sum(one.severity == severity for one in self.findings)


def page(libraries: Sequence[str], figures: Sequence[Figure], rows: Sequence[Row], unmade: Mapping[str, str]) -> str:
    """Write the page."""
    return "\n".join((*_head(libraries, figures), *_table(rows), *_findings(rows), *_limits(unmade))) + "\n"


def _head(libraries: Sequence[str], figures: Sequence[Figure]) -> Iterator[str]:
    tops = [library.partition(".")[0] for library in libraries]
    versions = " and ".join(f"{DISTRIBUTIONS[top]} {version(DISTRIBUTIONS[top])}" for top in tops)
    yield "# The audit of shipped classes"
    yield ""
    yield f"Written by `python -m benchmarks.audit --page docs/audit-ophyd-async.md`, for {versions}."
    yield ""
    yield HOW
    yield "| figure | value | meaning |"
    yield "|---|---:|---|"
    for figure in figures:
        value = f"{figure.value:,}" if isinstance(figure.value, int) else f"{figure.value:.3f}"
        yield f"| {figure.name} | {value} | {figure.meaning}{f' ({figure.target} wanted)' if figure.target else ''} |"
    yield ""


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "## Classes"
    yield ""
    yield WHICH
    yield "| class | database | own | signals | errors | warnings | notes |"
    yield "|---|---|---|---:|---:|---:|---:|"
    for row in rows:
        counts = " | ".join(str(row.count(severity)) for severity in ("error", "warning", "note"))
        own = "yes" if row.own else ""
        yield f"| `{row.cls}` | {row.database.rpartition('/')[2]} | {own} | {row.signals} | {counts} |"
    yield ""


def _findings(rows: Sequence[Row]) -> Iterator[str]:
    yield "## Errors and warnings"
    yield ""
    for row in rows:
        told = [one for one in row.findings if one.severity != "note"]
        if not told:
            continue
        yield f"### {row.cls.rpartition('.')[2]} with {row.database.rpartition('/')[2]}"
        yield ""
        yield "| | finding | connecting |"
        yield "|---|---|---|"
        for one in told:
            yield f"| {one.severity} `{one.code}` | {_cell(one.message)} | {_cell(one.outcome or 'connects')} |"
        yield ""


def _cell(text: str) -> str:
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return shown.replace("|", "\\|").replace("<", "&lt;")


def _limits(unmade: Mapping[str, str]) -> Iterator[str]:
    yield "## What connecting cannot tell"
    yield ""
    yield LIMITS
    for path, why in sorted(unmade.items()):
        yield f"  - `{path}`: {_cell(why)}"
