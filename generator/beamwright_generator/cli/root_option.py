"""The option that says where the roots of a beamline file are on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click


def _places(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> Mapping[str, Path]:
    places: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not equals or not name or not folder:
            raise click.BadParameter(f"{text!r} is not NAME=DIR, such as support=/epics/support")
        if name in places:
            raise click.BadParameter(f"{name} is given twice")
        if not Path(folder).is_dir():
            raise click.BadParameter(f"{name}: there is no folder {folder}")
        places[name] = Path(folder).resolve()
    return places


ROOTS = click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="NAME=DIR",
    callback=_places,
    help="The folder of a root of the beamline file on this machine; may be repeated.",
)
"""An option that commands hand to `place_roots`, as folders by the names of roots."""


def place_roots(roots: Mapping[str, Path], beamlines: Sequence[Path]) -> None:
    """Set the folders of roots as the options say, for this run and the processes that it starts.

    :param beamlines: beamline files; other files, and what is no file, have no roots.
    :raises click.UsageError: if none of them has a root of that name.
    """
    if not roots:
        return
    from beamwright_generator.parse.yaml.file_roots import variable_of

    known = {name for file in beamlines if file.suffix in (".yaml", ".yml") for name in _names_in(file)}
    for name in roots:
        if name not in known:
            asked = ", ".join(map(str, beamlines))
            has = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise click.UsageError(f"--root {name}: {asked} has no root of that name; {has}")
    for name, place in roots.items():
        _set_for_this_run(variable_of(name), str(place))


def _set_for_this_run(variable: str, value: str) -> None:
    before = os.environ.get(variable)
    os.environ[variable] = value

    def restore() -> None:
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before

    click.get_current_context().call_on_close(restore)


def _names_in(file: Path) -> list[str]:
    """Return the names of a beamline file's roots; what is wrong with the file is for its reader to say."""
    from beamwright_generator.problems import Problems
    from beamwright_generator.project import BeamlineProject

    project = BeamlineProject.open(file, Problems()) if file.is_file() else None
    return project.root_names if project else []
