"""How every command tells what was found, and how it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from beamwright_generator.problems import Problems

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2

_STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}


def report(problems: Problems, strict: bool, notes: bool | None) -> bool:
    """Print problems to stderr; tell whether they stop the run.

    :param notes: show notes, or only count them; None where they are left to a later command.
    """
    from beamwright_generator.problems import Severity

    counts = dict.fromkeys(Severity, 0)
    for problem in problems.in_order():
        counts[problem.severity] += 1
        if problem.severity is Severity.NOTE and not notes:
            continue
        first, *rest = str(problem).split("\n")
        tag = f"{problem.severity}[{problem.code}]"
        before, _, after = first.partition(tag)
        click.echo(before + click.style(tag, fg=_STYLES[problem.severity]) + after, err=True)
        for line in rest:
            click.echo(line, err=True)
    if notes is None:
        counts[Severity.NOTE] = 0
    shown = [counted(n, str(severity)) for severity, n in counts.items() if n]
    if shown:
        hidden = " (--notes shows the notes)" if counts[Severity.NOTE] and not notes else ""
        click.echo(", ".join(shown) + hidden, err=True)
    return bool(counts[Severity.ERROR] or (strict and counts[Severity.WARNING]))


def counted(number: int, noun: str) -> str:
    """Give a number with its noun, such as `2 classes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}{'es' if noun.endswith('s') else 's'}"


def fail(message: str) -> NoReturn:
    """Print a message and end the run as not clean."""
    click.echo(message, err=True)
    sys.exit(NOT_CLEAN)
