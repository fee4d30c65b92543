"""What to say where the packages that talk to live systems are not installed."""

from __future__ import annotations

from beamwright_generator.problems import Problems


def report_not_installed(error: ModuleNotFoundError, problems: Problems) -> None:
    """Report that aioca or p4p is missing; any other missing module is raised again."""
    name = (error.name or "").partition(".")[0]
    if name not in ("aioca", "epicscorelibs", "p4p"):
        raise error
    problems.error(
        "live-not-installed",
        None,
        f"{name}, which talks to live systems, is not installed",
        hint="pip install beamwright[live]",
    )
