"""The commands that a beamline file begins with: `gen init` and `gen schema`."""

from __future__ import annotations

from pathlib import Path

import click

from beamwright_generator.cli.output import (
    definition,
    fail,
    package_name,
    report,
    save,
)


@click.command(short_help="Write a first beamline.yaml from a boot script.")
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
    from beamwright_generator.problems import Problems
    from beamwright_generator.starter import first_beamline_file

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


@click.command(short_help="Print the JSON Schema of the beamline file.")
def schema() -> None:
    """Print the JSON Schema of the beamline file, for editors and validators."""
    import json

    from beamwright_generator.parse.yaml.beamline_file import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
