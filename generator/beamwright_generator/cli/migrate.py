"""The commands that rewrite plans: for renames, and for generated classes in place of hand-written ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.diff import beamlines_of, read_side
from beamwright_generator.cli.output import CLEAN, NOT_CLEAN, fail, report, show_diff
from beamwright_generator.cli.root_option import ROOTS, place_roots

if TYPE_CHECKING:
    from beamwright_generator.changes.rewrite.migration import ModuleMigration
    from beamwright_generator.problems import Problems

PLANS = click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
DRY_RUN = click.option("--dry-run", is_flag=True, help="Write nothing; show what would change as a unified diff.")
NOTES = click.option("--notes", is_flag=True, help="Show texts, too, that may hold an old name.")
QUIET = click.option("--quiet", is_flag=True, help="Print problems and differences only.")


@click.command(short_help="Rewrite plans where generated code was renamed.")
@PLANS
@click.option("--from", "old", metavar="OLD", default="HEAD", show_default=True, help="What the plans are written for.")
@click.option("--to", "new", metavar="NEW", help="What they are rewritten for; default: the generated package on disk.")
@ROOTS
@DRY_RUN
@NOTES
@QUIET
def migrate(
    paths: tuple[Path, ...],
    old: str,
    new: str | None,
    roots: Mapping[str, Path],
    dry_run: bool,
    notes: bool,
    quiet: bool,
) -> None:
    """Rewrite the plans in PATHS (files, or folders with all modules below) for renames between OLD and NEW.

    OLD and NEW are what `gen diff` takes. An attribute is only touched if its device's type is proven: by
    annotations, what functions are declared to give, device factories, and the way through child devices and
    vectors. All else that may be meant is listed, with the reason, and so is what was removed or has another type.
    Comments and layout stay as they are. All files are written, or none.

    \b
    Examples:
      gen migrate plans/ --dry-run      after `gen beamline`, before the commit
      gen migrate plans/ --from main    after it

    Exit codes: 0 nothing is left to do by hand, 1 something is, or nothing could be written, 2 usage.
    """
    from beamwright_generator.changes.diff.versions import compare_sides, working_tree
    from beamwright_generator.changes.rewrite.migration import migrate as migrated
    from beamwright_generator.problems import Problems

    place_roots(roots, beamlines_of(old, *([new] if new else [])))
    successors = compare_sides(read_side(old), read_side(new or working_tree())).successors
    problems = Problems()
    found = migrated(paths, successors, problems)
    _end(found, problems, dry_run=dry_run, notes=notes, quiet=quiet)


@click.command(short_help="Replace a hand-written class by a generated one.")
@click.argument("target", metavar="MODULE:CLASS")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--with",
    "by",
    metavar="WHAT",
    help="BEAMLINE/DEVICE, a beamline, or a generated class; default: the class that has most of the PVs.",
)
@click.option("--tree", metavar="NEW", help="The generated package, as `gen diff` takes it; default: as it is on disk.")
@ROOTS
@DRY_RUN
@NOTES
@QUIET
def adopt(
    target: str,
    paths: tuple[Path, ...],
    by: str | None,
    tree: str | None,
    roots: Mapping[str, Path],
    dry_run: bool,
    notes: bool,
    quiet: bool,
) -> None:
    """Find the generated class that replaces the hand-written CLASS of MODULE, and rewrite the code in PATHS to use it.

    MODULE is an import path or a file; it is read, not imported. Classes are compared by the PVs of their signals.
    Imports, attributes and states in PATHS are rewritten as `gen migrate` does it, only where types are proven; all
    else is listed. The hand-written class itself is left in its place. Without PATHS the proposal is printed, and
    nothing else done.

    \b
    Examples:
      gen adopt bl01x.gauges:IonGauge
      gen adopt bl01x.gauges:IonGauge --with x01/va_gauge_01 src/ plans/ --dry-run

    Exit codes: 0 nothing is left to do by hand, 1 something is, or no class fits, 2 usage.
    """
    from beamwright_generator.changes.adopt.proposal import propose
    from beamwright_generator.changes.diff.versions import working_tree
    from beamwright_generator.changes.rewrite.migration import migrate as migrated
    from beamwright_generator.problems import Problems

    if ":" not in target:
        raise click.BadParameter(f"{target} is not MODULE:CLASS", param_hint="MODULE:CLASS")
    place_roots(roots, beamlines_of(tree or working_tree()))
    problems = Problems()
    proposal = propose(target, by, read_side(tree or working_tree()), problems)
    if proposal is None:
        report(problems, False, None)
        fail("nothing was written")
    if not quiet:
        click.echo(proposal.text, nl=False)
    found = migrated(paths, proposal.successors, problems, origin=proposal.file) if paths else []
    _end(found, problems, dry_run=dry_run or not paths, notes=notes, quiet=quiet or not paths)


def _end(found: Sequence[ModuleMigration], problems: Problems, *, dry_run: bool, notes: bool, quiet: bool) -> None:
    """Show or write what changes, report what is left, and end the run."""
    if problems.errors:
        report(problems, False, None)
        fail("nothing was written")
    changed = [file for file in found if file.after != file.before]
    for file in changed if dry_run else ():
        show_diff(file.unified())
    if not dry_run:
        _write(changed)
    left = report(problems, True, notes)
    if not quiet:
        verb = "would be rewritten" if dry_run else "rewritten"
        for file in () if dry_run else changed:
            click.echo(f"rewrote  {file.name}")
        click.echo(f"{counted(len(changed), 'file')} {verb}", err=dry_run)
    sys.exit(NOT_CLEAN if left else CLEAN)


def _write(changed: Sequence[ModuleMigration]) -> None:
    from beamwright_generator.write.disk import replace_all

    try:
        replace_all({file.path: file.after for file in changed})
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}; nothing was written")
