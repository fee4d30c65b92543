"""The commands that look at live systems."""

from __future__ import annotations

import re
from pathlib import Path

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.output import fail, progress_line, report, save


def _pv_name(context: click.Context, parameter: click.Parameter, text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise click.BadParameter(f"{text!r} begins no PV: it is empty, or has blanks or marks that no PV can have")
    return text


@click.command(short_help="Record the PVI tree of a live server.")
@click.argument("prefix", callback=_pv_name)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds to wait for each answer; a PV without one is recorded as missing.",
)
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; default: stdout."
)
@click.option("--strict", is_flag=True, help="Warnings count as errors: a tree that lacks anything is not written.")
@click.option("--quiet", is_flag=True, help="Print problems only.")
def snapshot(prefix: str, timeout: float, out: Path | None, strict: bool, quiet: bool) -> None:
    """Record the PVI tree that a live server has at PREFIX, as a file that can be reviewed and generated from.

    The first PV is PREFIX followed by `PVI`; its full name is accepted, too. Only PV Access is used, only to read,
    and searched for as EPICS_PVA_ADDR_LIST says. Two recordings of a server that has not changed are the same.

    \b
    Example:
      gen snapshot BL01X-EA-PANDA-01: -o BL01X-EA-PANDA-01.pvi.yaml
    """
    from beamwright_generator.observe.recorder import record_snapshot
    from beamwright_generator.observe.snapshot_text import snapshot_text
    from beamwright_generator.problems import Problems

    problems = Problems()
    with progress_line(quiet) as show:

        def progress(blocks: int, signals: int) -> None:
            if signals % 20 == 0:
                show(f"{counted(blocks, 'block')}, {counted(signals, 'signal')}")

        found = record_snapshot(prefix, timeout, problems, progress)
    failed = report(problems, strict, None)
    if found is None or failed:
        fail("nothing was written")
    save(str(out or "-"), snapshot_text(found))
    if not quiet:
        target = f"wrote {out}: " if out else ""
        click.echo(
            f"{target}{counted(found.blocks, 'block')}, {counted(len(found.signals), 'signal')}", err=out is None
        )
