"""The `gen twin` command: a simulated beamline in the foreground."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.completion import BeamlineArgument
from beamwright_generator.cli.output import beamline_file, fail
from beamwright_generator.cli.root_option import ROOTS

if TYPE_CHECKING:
    from beamwright_twin import Twin

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_LINE = 100


@click.command(short_help="Run a simulated beamline on this machine.")
@click.argument("file", type=BeamlineArgument(), default="beamline.yaml")
@click.option("--ca-port", type=click.IntRange(1, 65535), help="The first IOC's port for CA; the others follow.")
@click.option("--pva-port", type=click.IntRange(1, 65535), help="The first IOC's port for PVA; the others follow.")
@click.option("--only", metavar="GLOB", default="*", help="Only these IOCs, or only these records of all IOCs.")
@ROOTS
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Simulated seconds in a real second.",
)
def twin(
    file: Path, ca_port: int | None, pva_port: int | None, only: str, roots: Mapping[str, Path], speed: float
) -> None:
    """Run the beamline that FILE describes as a simulated one, on loopback, until it is interrupted.

    FILE may be the name of a beamline that was generated before. Every IOC is a process that serves its records over
    CA and PVA: motors move, cameras take frames and write HDF5 files, PandAs capture. The lines that it prints first
    make clients find it: type them in the shell that the client is started from.

    \b
    Examples:
      gen twin x01                        the whole beamline
      gen twin x01.yaml --only "*-MO-*"   the IOCs for motion alone
      gen twin x01 --only "*:PRESSURE"    these records of all IOCs
      gen twin x01 --speed 10             moves and exposures take a tenth of the time
      gen twin x01 --ca-port 20000 --pva-port 20100
                                          where clients look for it is the same each time
      gen twin x01 > ports                for other shells: `. ./ports` there makes clients find it
    """
    from beamwright_twin import Twin, TwinError

    ended = threading.Event()
    for ending in ENDINGS:
        signal.signal(ending, lambda *_: ended.set())
    try:
        with Twin(beamline_file(file, roots), ca_port=ca_port, pva_port=pva_port, only=only, speed=speed) as beamline:
            _run(beamline, ended)
    except TwinError as error:
        fail(str(error))


def _run(beamline: Twin, ended: threading.Event) -> None:
    """Print the environment and the status of the twin until it is interrupted."""
    for name, value in beamline.environment.items():
        click.echo(f"export {name}='{value}'")
    sys.stdout.flush()
    for line in beamline.left_out:
        click.echo(line, err=True)
    parent, start, live = os.getppid(), time.monotonic(), sys.stderr.isatty()
    if not live:
        click.echo(_status(beamline, 0), err=True)
    while not ended.is_set() and os.getppid() == parent:
        if live:
            line = _status(beamline, time.monotonic() - start)
            click.echo(f"\r{line[:LONGEST_LINE]:{LONGEST_LINE}}", nl=False, err=True)
        ended.wait(1)
    if live:
        click.echo("", err=True)


def _status(beamline: Twin, seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    iocs = beamline.iocs.values()
    size = (counted(len(iocs), "IOC"), counted(len(beamline.records), "record"))
    parts = [f"{beamline.beamline.name}: {size[0]}, {size[1]}", f"{minutes}:{rest:02}"]
    if down := [ioc.name for ioc in iocs if ioc.pid is None]:
        parts.append(f"down: {', '.join(down)}")
    if moving := beamline.moving:
        parts.append(f"moving: {', '.join(moving)}")
    return "; ".join(parts)
