"""The `gen device` command: the module of one template."""

from __future__ import annotations

from pathlib import Path

import click

from beamwright_generator.cli.output import (
    definition,
    fail,
    report,
)


@click.command(short_help="Print the device module of one template.")
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
    from beamwright_generator.basics.choices import Transport
    from beamwright_generator.pipeline import generate_device
    from beamwright_generator.problems import Problems

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
