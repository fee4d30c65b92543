"""Classes that somebody wrote by hand, read from their source: nothing is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.interface.elements import TypeTerm
from beamwright_generator.changes.interface.module_reader import joined, read_module
from beamwright_generator.changes.rewrite.plan_module import import_path
from beamwright_generator.problems import Problems

_APART = frozenset(sys.stdlib_module_names) | {"bluesky", "numpy", "ophyd_async", "beamwright_runtime"}


@dataclass(frozen=True)
class HandWritten:
    """A class with everything that it is made of.

    :param name: its full name.
    :param file: that defines it.
    """

    name: str
    file: Path
    interface: Interface


def find_class(target: str, problems: Problems) -> HandWritten | None:
    """Find ``MODULE:CLASS``, where the module is an import path or a file; None when it is not there."""
    where, _, name = target.rpartition(":")
    roots = [Path.cwd(), Path.cwd() / "src", *(Path(entry) for entry in sys.path if entry)]
    file = Path(where) if Path(where).is_file() else module_file(where, roots)
    if file is None:
        problems.error("class-missing", None, f"there is no module {where}", hint="name its file, or run where it is")
        return None
    module = import_path(file)
    interface = _read(module, file, roots)
    full = f"{module}.{name}"
    if full not in interface.classes:
        problems.error("class-missing", None, f"{where} defines no class {name}")
        return None
    return HandWritten(full, file, interface)


def module_file(module: str, roots: Sequence[Path]) -> Path | None:
    """Find the source of a module as an import would."""
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for root in roots:
        folder = root.joinpath(*parts)
        for file in (folder / "__init__.py", folder.with_name(f"{folder.name}.py")):
            if file.is_file():
                return file
    return None


def _read(module: str, file: Path, roots: Sequence[Path]) -> Interface:
    """Read a module and those that its classes inherit from, or take their enums from."""
    found, seen, waiting = Interface(), {module}, [(module, file)]
    while waiting:
        name, path = waiting.pop()
        text = path.read_text(encoding="utf-8", errors="replace")
        found = joined(found, read_module(text, name, package=path.name == "__init__.py"))
        needed = {
            term.name.rpartition(".")[0]
            for known in found.classes.values()
            for term in (*known.bases, *(t for member in known.members.values() for t in _parts(member.type)))
        }
        for other in sorted(needed - seen):
            seen.add(other)
            source = None if other.partition(".")[0] in _APART else module_file(other, roots)
            waiting += [(other, source)] if source else []
    return found


def _parts(term: TypeTerm) -> list[TypeTerm]:
    return [term, *(part for argument in term.arguments for part in _parts(argument))]
