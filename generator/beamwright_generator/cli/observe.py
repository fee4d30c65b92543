"""The command that compares running IOCs with their descriptions, and records what no file can know."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.completion import BeamlineArgument
from beamwright_generator.cli.output import CLEAN, NOT_CLEAN, beamline_file, fail, progress_line, report, save
from beamwright_generator.cli.root_option import ROOTS

if TYPE_CHECKING:
    from beamwright_generator.observe.beamline_pvs import BeamlinePvs
    from beamwright_generator.observe.survey import SurveyResult
    from beamwright_generator.problems import Problems


@click.command(short_help="Record what the running IOCs serve.")
@click.argument("file", type=BeamlineArgument(), default="beamline.yaml")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds that each PV has to answer.",
)
@click.option("--only", metavar="GLOB", help="Only IOCs with matching names, or devices with matching prefixes.")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; default: `observations` of the beamline file.",
)
@ROOTS
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if an IOC differs from the committed observations.")
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the differences as Markdown (- for stdout).",
)
@click.option("--jobs", type=click.IntRange(1), default=2000, show_default=True, help="PVs to read at the same time.")
@click.option("--quiet", is_flag=True, help="Print problems and differences only.")
def observe(
    file: Path,
    timeout: float,
    only: str | None,
    out: Path | None,
    roots: Mapping[str, Path],
    check: bool,
    summary: str | None,
    jobs: int,
    quiet: bool,
) -> None:
    """Record what the running IOCs of the beamline that FILE describes serve, where no file can know it.

    Every described PV is asked for its type, its size and its states, over Channel Access or PV Access as the
    environment says. Values are not recorded, and nothing is ever put. The file is for `gen beamline`, which
    makes exact types of it. An IOC that does not answer keeps what was known about it.

    \b
    Examples:
      gen observe                              record, and say what has changed
      gen observe x01 --only 'BL01X-EA-*'      one part of a beamline
      gen observe --check --summary drift.md   for a pipeline, every night
    """
    from beamwright_generator.observe.beamline_pvs import read_beamline_pvs
    from beamwright_generator.problems import Problems

    problems = Problems()
    described = read_beamline_pvs(beamline_file(file, roots), problems)
    if described is None:
        report(problems, False, None)
        fail("nothing was observed")
    target = out or described.path
    if target is None and not check:
        raise click.UsageError(f"name a file with -o, or write `observations: observations.yaml` into {file}")
    run = _run(described, only, timeout, jobs, problems, check=check, quiet=quiet)
    failed = report(problems, False, None)
    if run is None or (failed and not check):
        fail("nothing was written")
    clean = _report_drifts(described, run, summary, quiet)
    if check:
        sys.exit(CLEAN if clean else NOT_CLEAN)
    assert target is not None
    _write(target, run, quiet)


def _run(
    described: BeamlinePvs, only: str | None, timeout: float, jobs: int, problems: Problems, *, check: bool, quiet: bool
) -> SurveyResult | None:
    from beamwright_generator.observe.survey import observe_iocs

    with progress_line(quiet) as show:

        def progress(done: int, total: int) -> None:
            if done % 100 == 0 or done == total:
                show(f"{done:,} of {counted(total, 'PV')}")

        return observe_iocs(described, only, timeout, jobs, progress, problems, check=check)


def _report_drifts(described: BeamlinePvs, run: SurveyResult, summary: str | None, quiet: bool) -> bool:
    """Report what differs and return whether nothing does."""
    from beamwright_generator.observe.differences import changes, markdown, silent

    found, down = changes(described.pvs, described.before, run), silent(described.pvs, run)
    if summary is not None:
        save(summary, markdown(described.name, found, down))
    if summary != "-":
        for change in found:
            click.echo(change)
    if not quiet:
        click.echo(f"{run.answered:,} of {counted(run.pvs, 'PV')} answered", err=True)
    return not found and all(one.optional for one in down)


def _write(target: Path, run: SurveyResult, quiet: bool) -> None:
    from beamwright_generator.observe.observation_text import observations_text
    from beamwright_generator.write.disk import read

    text, shown = observations_text(run.observations), Path(os.path.relpath(target)).as_posix()
    if read(target) == text:
        if not quiet:
            click.echo(f"{shown} is as it was")
        return
    save(str(target), text)
    if not quiet:
        click.echo(f"wrote {shown}; next: gen beamline")
