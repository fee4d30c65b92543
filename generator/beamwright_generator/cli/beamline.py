"""The `gen beamline` command: the devices and the module of a beamline."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.completion import BeamlineArgument
from beamwright_generator.cli.diff import markdown_of
from beamwright_generator.cli.output import (
    CLEAN,
    NOT_CLEAN,
    beamline_file,
    fail,
    package_name,
    progress_line,
    report,
    save,
    show_diff,
)
from beamwright_generator.cli.root_option import ROOTS

if TYPE_CHECKING:
    from beamwright_generator.pipeline import Generation
    from beamwright_generator.problems import Problems


@click.command(short_help="Generate the devices and the module of a beamline.")
@click.argument("file", type=BeamlineArgument(), default="beamline.yaml")
@click.option("--check", is_flag=True, help="Write nothing; show what differs and exit 1 if anything does.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change as a unified diff.")
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write a Markdown summary of the change of signals and devices, breaking ones first (- for stdout).",
)
@click.option(
    "--plans",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Files or folders of plans, whose uses of what breaks the summary lists; may be repeated.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the generated package.")
@click.option(
    "--package", callback=package_name, help="Import name of the generated package; default: `package` of FILE."
)
@ROOTS
@click.option(
    "--jobs", type=click.IntRange(1), default=1, help="Processes to render modules in; worth it for thousands."
)
@click.option("--strict", is_flag=True, help="Warnings count as errors: nothing is written while there are any.")
@click.option("--notes", is_flag=True, help="Show decisions worth knowing, such as names that were changed.")
@click.option("--quiet", is_flag=True, help="Print problems and differences only.")
def beamline(
    file: Path,
    check: bool,
    diff: bool,
    summary: str | None,
    plans: tuple[Path, ...],
    out: Path | None,
    package: str | None,
    roots: Mapping[str, Path],
    jobs: int,
    strict: bool,
    notes: bool,
    quiet: bool,
) -> None:
    """Generate the devices and the module of the beamline that FILE describes.

    FILE names the IOCs and what to override; `gen schema` prints what may stand in it. The name of a beamline that
    was generated before is accepted, too, as in the first line of every generated file. Nothing is written while
    there are errors. Generated files are never edited by hand: change the description, override in FILE, or
    subclass outside the generated package.

    \b
    Examples:
      gen beamline                         beamline.yaml in this folder
      gen beamline x01.yaml --summary -    also say what changes for plans
      gen beamline --check                 for pipelines and pre-commit
    """
    from beamwright_generator.problems import Problems

    file = beamline_file(file, roots)
    problems = Problems()
    generated = _generate(file, out, package, problems, quiet, jobs, check and not strict and summary is None)
    failed = report(problems, strict, None if quiet and not notes else notes)
    if generated is None or failed:
        fail("nothing was written")
    if summary is not None:
        _write_summary(generated, summary, plans)
    if check or diff:
        _show_differences(generated, file, with_states=check)
        sys.exit(NOT_CLEAN if check and generated.differences else CLEAN)
    _write(generated, quiet)


def _generate(
    file: Path,
    out: Path | None,
    package: str | None,
    problems: Problems,
    quiet: bool,
    jobs: int,
    trust_manifest: bool,
) -> Generation | None:
    from beamwright_generator.pipeline import generate_beamline
    from beamwright_generator.problems import InternalError

    try:
        with progress_line(quiet) as show:

            def progress(done: int, total: int) -> None:
                if done % 20 == 0 or done == total:
                    show(f"{done} of {counted(total, 'database')}")

            return generate_beamline(
                file, out, problems, progress, trust_manifest=trust_manifest, jobs=jobs, package_name=package
            )
    except InternalError as error:
        fail(f"internal error, please report it: {error}")


def _shown(generated: Generation, path: str) -> str:
    import os

    return Path(os.path.relpath(generated.package / path)).as_posix()


def _show_differences(generated: Generation, file: Path, *, with_states: bool) -> None:
    from beamwright_generator.write.output_plan import State

    explained = {
        State.EDITED: "   (someone changed the output by hand)",
        State.EXTRA: "   (no description makes this file)",
    }
    if with_states:
        for difference in generated.differences:
            name = _shown(generated, difference.path)
            click.echo(f"{difference.state:8} {name}{explained.get(difference.state, '')}")
    for difference in generated.differences:
        if difference.state is not State.EXTRA:
            show_diff(difference.unified(_shown(generated, difference.path)))
    count = len(generated.differences)
    if with_states and count:
        what = "1 file is" if count == 1 else f"{count} files are"
        click.echo(f"{what} not what the descriptions say. Run: gen beamline {file}")


def _write_summary(generated: Generation, target: str, plans: tuple[Path, ...]) -> None:
    from beamwright_generator.changes.diff.versions import compare_with_disk

    before = {difference.path: difference.found for difference in generated.differences}
    save(
        target,
        markdown_of(generated.name, compare_with_disk(generated.files, before, generated.manifest.package), plans),
    )


def _write(generated: Generation, quiet: bool) -> None:
    from beamwright_generator.write.output_plan import State, write

    try:
        done = write(generated.differences, generated.package, generated.manifest)
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}")
    foreign = [d for d in generated.differences if d.state is State.EXTRA and d not in done]
    for difference in foreign:
        click.echo(f"{_shown(generated, difference.path)}: no description makes this file; remove it", err=True)
    if not quiet:
        words = {State.MISSING: "wrote", State.CHANGED: "updated", State.EDITED: "replaced", State.EXTRA: "removed"}
        for difference in done:
            click.echo(f"{words[difference.state]:8} {_shown(generated, difference.path)}")
        click.echo(_inventory(generated))
    sys.exit(NOT_CLEAN if foreign else CLEAN)


def _inventory(generated: Generation) -> str:
    model = generated.model
    assert model is not None
    types = [device for devices in model.modules.values() for device in devices]
    devices = len(model.beamline.devices) if model.beamline else 0
    found = (counted(devices, "device"), counted(len(types), "class"), counted(len(model.modules), "module"))
    return f"{generated.name}: {found[0]}, {found[1]} in {found[2]}"
