"""What all commands share: reports of problems, files, progress, and how a run ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from beamwright_generator.basics.grammar import counted
from beamwright_generator.cli.root_option import place_roots

if TYPE_CHECKING:
    from beamwright_generator.problems import Problems

CLEAN, NOT_CLEAN, USAGE = 0, 1, 2

_STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}


def report(problems: Problems, strict: bool, notes: bool | None) -> bool:
    """Print problems to stderr and return whether they stop the run.

    :param notes: show notes, or only count them; None where they are left to a later command.
    """
    from beamwright_generator.problems import Severity

    counts = dict.fromkeys(Severity, 0)
    for problem in problems.in_order():
        counts[problem.severity] += 1
        if problem.severity is Severity.NOTE and not notes:
            continue
        first, *rest = str(problem).split("\n")
        tag = f"{problem.severity}[{problem.code}]"
        before, _, after = first.partition(tag)
        click.echo(before + click.style(tag, fg=_STYLES[problem.severity]) + after, err=True)
        for line in rest:
            click.echo(line, err=True)
    if notes is None:
        counts[Severity.NOTE] = 0
    shown = [counted(n, str(severity)) for severity, n in counts.items() if n]
    if shown:
        hidden = " (--notes shows the notes)" if counts[Severity.NOTE] and not notes else ""
        click.echo(", ".join(shown) + hidden, err=True)
    return bool(counts[Severity.ERROR] or (strict and counts[Severity.WARNING]))


def beamline_file(file: Path, roots: Mapping[str, Path]) -> Path:
    """Find a beamline file, also by the name of a beamline that was generated before.

    :param roots: where its roots are on this machine, as `--root` says.
    """
    if not file.exists() and str(file).isidentifier():
        from beamwright_generator.repository import files_of

        found = files_of(str(file), Path.cwd())
        if len(found) > 1:
            files = ", ".join(os.path.relpath(one) for one in found)
            raise click.UsageError(f"several packages have a beamline {file}: name its file, which is one of {files}")
        file = found[0] if found else file
    if not file.is_file():
        raise click.UsageError(f"{file} does not exist. Write a first one with: gen init st.cmd --name x01 -o {file}")
    place_roots(roots, [file])
    return file


def definition(text: str) -> tuple[str, str]:
    """Take NAME=VALUE apart."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.UsageError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value


def package_name(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """Return the name of a package that an option gives, if Python takes it."""
    from beamwright_generator.basics.packages import fault_of

    if name is not None and (fault := fault_of(name)):
        raise click.BadParameter(fault)
    return name


def save(target: str, text: str) -> None:
    """Write a text to a file, which it replaces in one step, or to stdout for `-`."""
    from beamwright_generator.write.disk import replace_file

    if target == "-":
        click.echo(text, nl=False)
        return
    path = Path(target)
    try:
        if path.exists() and not path.is_file():  # a pipe or a device, as /dev/stderr: it is written to, not replaced
            path.write_text(text, encoding="utf-8")
        else:
            replace_file(path.resolve(), text)
    except OSError as error:
        fail(f"cannot write {target}: {error.strerror}")


def show_diff(text: str) -> None:
    """Print a unified diff, in colours where stdout is a terminal."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in text.splitlines():
        click.echo(click.style(line, fg=colours.get(line[:1])))


@contextmanager
def progress_line(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows progress in one line of the terminal, which is cleared afterwards.

    :param quiet: show nothing; nor is anything shown where stderr is no terminal.
    """
    shows = not quiet and sys.stderr.isatty()

    def show(text: str) -> None:
        if shows:
            click.echo(f"\r  {text}", nl=False, err=True)

    try:
        yield show
    finally:
        if shows:
            click.echo("\r\x1b[K", nl=False, err=True)


def fail(message: str) -> NoReturn:
    """Print a message and end the run as not clean."""
    click.echo(message, err=True)
    sys.exit(NOT_CLEAN)
