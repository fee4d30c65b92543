"""The command that writes a catalogue of a beamline."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.completion import BeamlineArgument
from beamwright_generator.cli.output import beamline_file, fail, report, save
from beamwright_generator.cli.root_option import ROOTS

if TYPE_CHECKING:
    from beamwright_generator.catalogue.entries import Catalogue
    from beamwright_generator.problems import Problems

PAGE = "index.html"


@click.command(short_help="Write a catalogue of a beamline to look at.")
@click.argument("file", type=BeamlineArgument(), default="beamline.yaml")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="site",
    show_default=True,
    help="Folder for the page, which is its index.html, or a file that ends with .html.",
)
@ROOTS
@click.option("--strict", is_flag=True, help="Warnings count as errors: nothing is written while there are any.")
@click.option("--notes", is_flag=True, help="Show decisions worth knowing, which the page has too.")
@click.option("--quiet", is_flag=True, help="Print problems only.")
def show(file: Path, out: Path, roots: Mapping[str, Path], strict: bool, notes: bool, quiet: bool) -> None:
    """Write a catalogue of the beamline that FILE describes: one HTML page that needs no network and no server.

    It has every device with its class, prefix, IOC and policy, every signal with its PVs, type, units, choices and
    words, how the frames of detectors go, what was observed, and all problems. The same descriptions give the
    same page.

    \b
    Examples:
      gen show                        beamline.yaml in this folder; open site/index.html
      gen show x01 -o public/x01      a page among others
    """
    from beamwright_generator.problems import Problems

    problems = Problems()
    found = _read(beamline_file(file, roots), problems, quiet)
    failed = report(problems, strict, None if quiet and not notes else notes)
    if found is None or failed:
        fail("nothing was written")
    from beamwright_generator.catalogue.page import render_catalogue

    text = render_catalogue(found)
    page = out if out.suffix in (".html", ".htm") else out / PAGE
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"cannot write {page}: {error.strerror}")
    save(str(page), text)
    if not quiet:
        shown = Path(os.path.relpath(page)).as_posix()
        parts = (counted(len(found.entries), "device"), counted(found.signals, "signal"))
        click.echo(f"wrote {shown}: {parts[0]}, {parts[1]}, {len(text.encode()) / 1e6:,.1f} MB")


def _read(file: Path, problems: Problems, quiet: bool) -> Catalogue | None:
    from beamwright_generator.catalogue.assembly import read_catalogue

    live = not quiet and sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if live and (done % 20 == 0 or done == total):
            click.echo(f"\r  {done} of {total} databases", nl=done == total, err=True)

    return read_catalogue(file, problems, progress)
