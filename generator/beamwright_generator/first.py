"""A first beamline file, written from a boot script."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML

from beamwright_generator.files import Files
from beamwright_generator.parse.beamline import BeamlineFile, BeamlinePositions, IocEntry
from beamwright_generator.problems import Problems
from beamwright_generator.repository import repository
from beamwright_generator.resolve.beamline import resolve_beamline
from beamwright_generator.source import Source


def first_beamline_file(
    startup: Path,
    target: Path,
    name: str,
    package: str,
    ioc: str | None,
    env: Mapping[str, str],
    folder: Path | None,
    search: Sequence[Path],
    problems: Problems,
) -> str | None:
    """Give the text of a beamline file that reads a boot script; what the script lacks is reported.

    The script is followed wherever it leads, and every folder that it reads from becomes one of the file's roots.

    :param target: where the file will stand; paths in it are relative to that.
    """
    home = target.resolve().parent
    startup = startup.resolve()
    entry = IocEntry(
        name=ioc or _ioc_name(startup),
        startup=_relative(startup, home),
        folder=_relative(folder.resolve(), home) if folder else None,
        env=dict(env),
        search=tuple(_relative(path.resolve(), home) for path in search),
    )
    root = repository(target)
    files = Files([Path(home.anchor)], root, problems)
    try:
        beamline = BeamlineFile(name=name, package=package, iocs=[entry])
    except ValidationError:
        problems.error(
            "beamline-invalid", None, f"{name!r} is no module name", hint="use small letters, digits and _, such as x01"
        )
        return None
    source = Source(target.resolve(), files.shown(target.resolve()), "")
    model = resolve_beamline(files, source, beamline, BeamlinePositions(source.name, {}), problems).model
    if problems.errors:
        return None
    read = files.read_paths
    prefixes = [getattr(device, "prefix", "") for device in model.beamline.devices] if model.beamline else []
    return _text(name, package, entry, _roots(read, home, root), [prefix for prefix in prefixes if prefix])


def _ioc_name(startup: Path) -> str:
    """Name the IOC after its folder, past the folders that only say what lies in them."""
    folders = [p.name for p in startup.parents if p.name and p.name.lower() not in ("iocboot", "boot", "config", "src")]
    return folders[0] if folders else startup.stem


def _relative(path: Path, home: Path) -> str:
    return Path(os.path.relpath(path, home)).as_posix()


def _roots(read: Iterable[Path], home: Path, root: Path) -> list[str]:
    """Give the folders outside the repository that files were read from, without those inside another."""
    outside = {path.parent for path in read if not path.is_relative_to(root)}
    outer = [folder for folder in sorted(outside) if not any(other in folder.parents for other in outside)]
    return [_relative(folder, home) for folder in outer]


def _text(name: str, package: str, entry: IocEntry, roots: Sequence[str], prefixes: Sequence[str]) -> str:
    given = entry.model_dump(mode="json", exclude_defaults=True)
    data = {"name": name, "package": package, **({"roots": list(roots)} if roots else {}), "iocs": [given]}
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(data, out)
    head = f"# Beamline {name}: `gen beamline` writes its devices, `gen schema` prints what may stand here.\n"
    if not prefixes:
        return head + out.getvalue()
    shown = [f'#     "{prefix}": {{name: ...}}' for prefix in prefixes[:40]]
    tail = ["", "# Names, policies and more for single devices:", "# overrides:", "#   devices:", *shown]
    return head + out.getvalue() + "\n".join(tail) + "\n"
