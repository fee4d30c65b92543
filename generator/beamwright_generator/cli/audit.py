"""The command that compares hand-written device classes with databases."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.output import CLEAN, NOT_CLEAN, beamline_file, definition, report, save
from beamwright_generator.cli.root_option import ROOTS, place_roots

if TYPE_CHECKING:
    from beamwright_generator.audit.class_check import Audit
    from beamwright_generator.problems import Problems

FORMS = ("text", "json", "sarif", "github")


@click.command(short_help="Compare hand-written ophyd-async classes with databases.")
@click.argument("classes", metavar="MODULE[:CLASS]")
@click.option(
    "--against",
    multiple=True,
    required=True,
    metavar="BEAMLINE|TEMPLATE",
    type=click.Path(path_type=Path),
    help="A beamline file (or the name of a generated beamline), a template or a database; may be repeated.",
)
@click.option("-m", "--macro", "macros", multiple=True, metavar="NAME=VALUE", help="A macro of the templates.")
@click.option(
    "-I",
    "search",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to find included templates in; may be repeated.",
)
@click.option("--prefix", help="The PV prefix of the device, if its records do not show it.")
@click.option(
    "--path",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to find modules in, before those that Python would look in; may be repeated.",
)
@click.option("--pva", is_flag=True, help="PVs without a protocol are reached over PV Access, not Channel Access.")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True, help="Report format.")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    default="-",
    help="Default: stdout.",
)
@ROOTS
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--notes", is_flag=True, help="Show notes, too: what cannot be decided, and what could be better.")
def audit(
    classes: str,
    against: tuple[Path, ...],
    macros: tuple[str, ...],
    search: tuple[Path, ...],
    prefix: str | None,
    path: tuple[Path, ...],
    pva: bool,
    form: str,
    out: str,
    roots: Mapping[str, Path],
    strict: bool,
    notes: bool,
) -> None:
    """Check that databases serve what the ophyd-async device classes of MODULE, or its one CLASS, declare.

    Nothing connects and no code of MODULE runs: its source is read. Of a whole module, the classes are checked that
    the databases serve at least half of; a class that is named is always checked.

    \b
    Examples:
      gen audit myfacility.devices --against x01
      gen audit myfacility.devices.slits:Slits --against slits.template -m R=S1:
      gen audit devices/slits.py --against beamline.yaml --format github
    """
    from beamwright_generator.audit.audit_run import AuditRequest
    from beamwright_generator.audit.audit_run import audit as run
    from beamwright_generator.basics.choices import Transport
    from beamwright_generator.problems import Problems

    files = [beamline_file(one, {}) if one.suffix in (".yaml", ".yml", "") else one for one in against]
    if missing := [one for one in files if not one.is_file()]:
        raise click.UsageError(f"{missing[0]} does not exist")
    place_roots(roots, files)
    given = dict(definition(macro) for macro in macros)
    folders = [*(one.resolve() for one in path), Path.cwd(), *(Path(one).resolve() for one in sys.path if one)]
    transport = Transport.PVA if pva else Transport.CA
    reading = Problems()
    templates, searched = [file.resolve() for file in files], [folder.resolve() for folder in search]
    request = AuditRequest(classes, templates, given, searched, folders, transport, prefix)
    found = run(request, Path.cwd(), reading)
    stopped = report(_of_reading(reading), False, None)
    failed = _report_findings(found, form, out, strict, notes)
    sys.exit(NOT_CLEAN if stopped or failed else CLEAN)


def _of_reading(reading: Problems) -> Problems:
    """Return errors and missing observations; `gen beamline` reports the rest."""
    from beamwright_generator.problems import Problems, Severity

    kept = Problems()
    kept.extend(one for one in reading if one.severity is Severity.ERROR or one.code == "observations-missing")
    return kept


def _report_findings(found: Audit, form: str, out: str, strict: bool, notes: bool) -> bool:
    """Report what was found and return whether the run fails."""
    from beamwright_generator.problems import Problems, Severity

    problems = Problems()
    problems.extend(one.problem for one in found.findings)
    if form == "text":
        failed = report(problems, strict, notes)
        left = f"; {counted(found.skipped, 'class')} in none of these databases" if found.skipped else ""
        save(out, f"{counted(found.classes, 'class')}, {counted(found.signals, 'signal')} audited{left}\n")
        return failed
    from beamwright_generator.audit import report_formats

    shown = [one for one in found.in_order() if notes or one.problem.severity is not Severity.NOTE]
    match form:
        case "json":
            save(out, report_formats.as_json(found, shown))
        case "sarif":
            save(out, report_formats.as_sarif(shown))
        case _:
            save(out, report_formats.as_annotations(shown))
    warned = any(one.problem.severity is Severity.WARNING for one in found.findings)
    return bool(problems.errors) or (strict and warned)
