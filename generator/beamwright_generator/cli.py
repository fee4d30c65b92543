"""The `gen` command: it and the modules named `cli_*` alone print, exit, and read arguments and environment.

The control stack is never imported, and the stages only when a command needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.cli_audit import audit
from beamwright_generator.cli_completion import BeamlineFile, completion
from beamwright_generator.cli_diff import diff as diff_command
from beamwright_generator.cli_diff import markdown_of
from beamwright_generator.cli_live import snapshot
from beamwright_generator.cli_migrate import adopt, migrate
from beamwright_generator.cli_observe import observe
from beamwright_generator.cli_report import (
    CLEAN,
    NOT_CLEAN,
    beamline_file,
    definition,
    fail,
    package_name,
    progress_line,
    report,
    save,
    show_diff,
)
from beamwright_generator.cli_roots import ROOTS
from beamwright_generator.cli_show import show
from beamwright_generator.cli_twin import twin
from beamwright_generator.wording import counted

if TYPE_CHECKING:
    from beamwright_generator.pipeline import Generated
    from beamwright_generator.problems import Problems


class _InOrder(click.Group):
    """Lists commands in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands: the way from an IOC to current code, and then the rest."""
        main_path = ["init", "beamline", "diff", "migrate", "snapshot", "observe", "twin", "show", "audit", "adopt"]
        return [*main_path, *(name for name in super().list_commands(ctx) if name not in main_path)]


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="beamwright")
def main() -> None:
    """Write typed Device classes and a beamline module from what IOCs are made of.

    \b
    The main path:
      gen init iocBoot/st.cmd --name x01    write a first beamline.yaml from a boot script
      gen beamline                          generate, or bring up to date, what it describes
      gen beamline --check                  in a pipeline: is the committed code current?
      gen diff HEAD generated               what does that mean for plans?
      gen migrate plans/                    rewrite plans where something is called otherwise now
      gen snapshot PREFIX -o box.yaml       record a server that has no database, such as a PandA
      gen observe                           record what only the running IOCs know
      gen observe --check                   every night: do they still serve what is committed?
      gen twin                              run it all, simulated, on this machine
      gen show                              a catalogue of all devices and PVs, as one page
      gen audit MODULE --against x01        do hand-written devices fit what is served?

    Exit codes: 0 clean, 1 not clean (problems, or --check found differences), 2 usage.
    """


@main.command(short_help="Generate the devices and the module of a beamline.")
@click.argument("file", type=BeamlineFile(), default="beamline.yaml")
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
    help="Let the summary name where these files or folders use what broke; may be repeated.",
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
    was generated before does as well, as in the first line of every generated file. Nothing is written while
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
) -> Generated | None:
    from beamwright_generator.pipeline import generate_beamline
    from beamwright_generator.problems import InternalError

    try:
        with progress_line(quiet) as tell:

            def progress(done: int, total: int) -> None:
                if done % 20 == 0 or done == total:
                    tell(f"{done} of {counted(total, 'database')}")

            return generate_beamline(
                file, out, problems, progress, trust_manifest=trust_manifest, jobs=jobs, package_name=package
            )
    except InternalError as error:
        fail(f"internal error, please report it: {error}")


def _shown(generated: Generated, path: str) -> str:
    import os

    return Path(os.path.relpath(generated.package / path)).as_posix()


def _show_differences(generated: Generated, file: Path, *, with_states: bool) -> None:
    from beamwright_generator.tree import State

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


def _write_summary(generated: Generated, target: str, plans: tuple[Path, ...]) -> None:
    from beamwright_generator.changes.sides import compare_with_disk

    before = {difference.path: difference.found for difference in generated.differences}
    save(
        target,
        markdown_of(generated.name, compare_with_disk(generated.files, before, generated.manifest.package), plans),
    )


def _write(generated: Generated, quiet: bool) -> None:
    from beamwright_generator.tree import State, write

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


def _inventory(generated: Generated) -> str:
    model = generated.model
    assert model is not None
    types = [device for devices in model.modules.values() for device in devices]
    devices = len(model.beamline.devices) if model.beamline else 0
    found = (counted(devices, "device"), counted(len(types), "class"), counted(len(model.modules), "module"))
    return f"{generated.name}: {found[0]}, {found[1]} in {found[2]}"


@main.command(short_help="Print the device module of one template.")
@click.argument("template", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-m", "macros", multiple=True, metavar="NAME=VALUE", help="A macro of the template; may be repeated.")
@click.option(
    "-I",
    "search",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to find included files in; may be repeated.",
)
@click.option("--pva", is_flag=True, help="Type the signals for PV Access instead of Channel Access.")
@click.option("--notes", is_flag=True, help="Show decisions worth knowing, such as names that were changed.")
def device(template: Path, macros: tuple[str, ...], search: tuple[Path, ...], pva: bool, notes: bool) -> None:
    """Print the device module of one TEMPLATE, with everything it includes; problems go to stderr.

    \b
    Example:
      gen device simDetector.template -m P=BL01: -m R=CAM: -I $ADCORE/db
    """
    from beamwright_generator.pipeline import generate_device
    from beamwright_generator.problems import Problems
    from beamwright_generator.vocabulary import Transport

    problems = Problems()
    given = dict(definition(macro) for macro in macros)
    transport = Transport.PVA if pva else Transport.CA
    folders = [folder.resolve() for folder in search]
    text = generate_device(template.resolve(), given, folders, transport, problems)
    failed = report(problems, False, notes)
    if text is None and not failed:
        fail(f"no device was generated: {template} has no records but a motor, which beamwright_runtime.Motor is for")
    if text is None or failed:
        fail("no device was generated")
    click.echo(text, nl=False)


@main.command(short_help="Write a first beamline.yaml from a boot script.")
@click.argument("startup", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="The beamline module's name, such as x01.")
@click.option("--package", callback=package_name, help="Import name of the generated package; default: NAME_devices.")
@click.option("--ioc", help="The IOC's name; default: the name of the script's folder.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Environment the script expects, such as TOP=...")
@click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where the IOC starts.")
@click.option(
    "--search",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to find templates in; may be repeated.",
)
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), default="beamline.yaml", show_default=True
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(
    startup: Path,
    name: str,
    package: str | None,
    ioc: str | None,
    env: tuple[str, ...],
    folder: Path | None,
    search: tuple[Path, ...],
    out: Path,
    force: bool,
) -> None:
    """Write a first beamline.yaml from an IOC's boot script STARTUP, which is read and never executed.

    \b
    Example:
      gen init /epics/iocs/bl01x-ea-ioc-01/st.cmd --env ADCORE=/epics/support/ADCore --name x01
    """
    from beamwright_generator.first import first_beamline_file
    from beamwright_generator.problems import Problems

    if out.exists() and not force:
        raise click.UsageError(f"{out} exists; --force overwrites it")
    problems = Problems()
    given = dict(definition(one) for one in env)
    text = first_beamline_file(startup, out, name, package or f"{name}_devices", ioc, given, folder, search, problems)
    failed = report(problems, False, None)
    if text is None or failed:
        fail(f"{out} was not written")
    save(str(out), text)
    click.echo(f"wrote {out}; next: gen beamline {out}")


@main.command(short_help="Print the JSON Schema of the beamline file.")
def schema() -> None:
    """Print the JSON Schema of the beamline file, for editors and validators."""
    import json

    from beamwright_generator.parse.beamline import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


main.add_command(diff_command)
main.add_command(migrate)
main.add_command(adopt)
main.add_command(snapshot)
main.add_command(observe)
main.add_command(twin)
main.add_command(completion)
main.add_command(audit)
main.add_command(show)


if __name__ == "__main__":
    main()
