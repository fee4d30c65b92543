"""The command that compares generated code, and what commands print of differences."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.cli.output import CLEAN, NOT_CLEAN, fail, report, save
from beamwright_generator.cli.root_option import ROOTS, place_roots

if TYPE_CHECKING:
    from beamwright_generator.changes.diff.change import Changes
    from beamwright_generator.changes.diff.versions import Side

COLOURS = {"breaking": "red", "compatible": "green", "cosmetic": "bright_black"}
MOST_USES = 20


@click.command(short_help="Compare generated code, and show what a change means for plans.")
@click.argument("old")
@click.argument("new")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For a terminal, for a pull request, or for a program.",
)
@click.option("-o", "--out", type=click.Path(dir_okay=False, allow_dash=True), default="-", help="Default: stdout.")
@click.option(
    "--plans",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Files or folders of plans, whose uses of what breaks are listed; may be repeated.",
)
@ROOTS
@click.option("--exit-code", is_flag=True, help="Exit 1 if a change breaks plans.")
def diff(
    old: str,
    new: str,
    form: str,
    out: str,
    plans: tuple[Path, ...],
    roots: Mapping[str, Path],
    exit_code: bool,
) -> None:
    """Report what differs between OLD and NEW for plans: devices, signals, types, enum members, PVs, policies.

    Each of them is a folder with a generated package, a git revision (REV, or REV:PATH for a package or a beamline
    file in it), or a beamline file, which is generated and not written. Nothing is written, and git's working tree
    is left alone.

    A change is breaking if a plan that was right may fail or do something else, compatible if it does what it
    did, cosmetic if it cannot tell. Renames are found by PVs.

    \b
    Examples:
      gen diff HEAD generated                what is not committed yet
      gen diff main HEAD --format markdown   for a pull request
      gen diff main x01.yaml --exit-code     would the descriptions break plans?
      gen diff v1 v2 --plans plans/          and where

    Exit codes: 0 compared, 1 a side cannot be read, or with --exit-code a change is breaking, 2 usage.
    """
    from beamwright_generator.changes.diff.change_report import as_json
    from beamwright_generator.changes.diff.versions import compare_sides

    place_roots(roots, beamlines_of(old, new))
    before, after = read_side(old), read_side(new)
    changes = compare_sides(before, after)
    if form == "json":
        save(out, as_json(old, new, changes))
    elif form == "markdown":
        save(out, markdown_of(after.beamline or new, changes, plans))
    elif out == "-":
        _print(changes, plans)
    else:
        save(out, _text_of(changes, plans))
    sys.exit(NOT_CLEAN if exit_code and changes.breaking else CLEAN)


def beamlines_of(*sides: str) -> list[Path]:
    """Return the beamline files that sides name, those of a revision as they are on disk."""
    from beamwright_generator.repository import file_of

    named = (Path(side.rpartition(":")[2]) for side in sides)
    return [file if file.is_file() else file_of(file.name, Path.cwd()) or file for file in named]


def read_side(where: str) -> Side:
    """Read one side of a comparison, or end the run with what is wrong with it."""
    from beamwright_generator.changes.diff.versions import side
    from beamwright_generator.problems import Problems

    problems = Problems()
    found = side(where, problems)
    failed = report(problems, False, None)
    if found is None or failed:
        fail("nothing was compared")
    return found


def markdown_of(name: str, changes: Changes, plans: tuple[Path, ...]) -> str:
    """Write changes for a pull request, with the places of plans that use what broke."""
    from beamwright_generator.changes.diff.change_report import markdown

    return markdown(name, changes, _uses(changes, plans))


def _text_of(changes: Changes, plans: tuple[Path, ...]) -> str:
    from beamwright_generator.changes.diff.change_report import text

    return text(changes, _uses(changes, plans))


def _print(changes: Changes, plans: tuple[Path, ...]) -> None:
    for line in _text_of(changes, plans).splitlines():
        effect, _, rest = line.partition(" ")
        click.echo(f"{click.style(effect, fg=COLOURS.get(effect))} {rest}" if effect in COLOURS else line)


def _uses(changes: Changes, plans: tuple[Path, ...]) -> list[str]:
    """Name the places that use what broke, the first of them."""
    if not plans or not changes.breaking:
        return []
    from beamwright_generator.changes.rewrite.migration import migrate
    from beamwright_generator.problems import Problems, Severity

    problems = Problems()
    found = [at for file in migrate(plans, changes.successors, problems) for at in file.uses]
    for problem in problems.in_order():
        if problem.severity is Severity.ERROR:
            click.echo(str(problem), err=True)
    places = list(dict.fromkeys(f"{at.file}:{at.line}" for at in found))
    more = [f"and {len(places) - MOST_USES:,} more"] if len(places) > MOST_USES else []
    return places[:MOST_USES] + more
