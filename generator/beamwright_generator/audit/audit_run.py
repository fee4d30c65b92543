"""One audit from beginning to end: modules read, descriptions read, every class compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beamwright_generator.audit.class_check import Audit
from beamwright_generator.audit.record_set import RecordSet, of_beamline, of_template
from beamwright_generator.basics.choices import Transport
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.python.constructors import Evaluator
from beamwright_generator.python.declarations import ClassDeclaration, Declarations
from beamwright_generator.python.python_modules import Module, ModuleFinder


@dataclass(frozen=True)
class AuditRequest:
    """What to audit against what.

    :param wanted: a dotted module or a Python file, and a class of it after a colon.
    :param against: beamline files and templates.
    :param path: folders that modules are looked for in, in order.
    """

    wanted: str
    against: Sequence[Path]
    macros: Mapping[str, str]
    search: Sequence[Path]
    path: Sequence[Path]
    transport: Transport = Transport.CA
    prefix: str | None = None


def audit(request: AuditRequest, root: Path, problems: Problems) -> Audit:
    """Audit; what keeps files from being read is reported.

    :param root: the folder that file names are shown from.
    """
    files = DescriptionFiles([root, *request.search, *(path.parent for path in request.against)], root, problems)
    descriptions = [d for path in request.against if (d := describe(files, path, request, problems)) is not None]
    found = Audit(request.transport, request.prefix)
    if problems.errors:
        return found
    python = DescriptionFiles([root], root, problems)
    modules = ModuleFinder(python, request.path)
    name, _, wanted = _parted(request.wanted)
    declarations = Declarations(Evaluator(modules))
    found_in = _modules(modules, name, problems)
    if wanted:  # a package names what its modules define
        found_in = found_in[:1]
    classes = [cls for module in found_in for cls in _classes(declarations, module, wanted)]
    if wanted and not classes and not problems.errors:
        problems.error("audit-source", None, f"{name} has no device class {wanted}", hint="name it as it is defined")
    for cls in classes:
        found.of(cls, descriptions, named=bool(wanted))
    return found


def describe(files: DescriptionFiles, path: Path, request: AuditRequest, problems: Problems) -> RecordSet | None:
    """Read one `--against`: a beamline file by its suffix, and a template otherwise."""
    if path.suffix not in (".yaml", ".yml"):
        return of_template(files, path, request.macros, request.search, problems)
    project = BeamlineProject.open(path, problems, files)
    return of_beamline(project) if project else None


def _parted(wanted: str) -> tuple[str, str, str]:
    name, colon, cls = wanted.rpartition(":")
    return (name, colon, cls) if colon else (wanted, "", "")


def _modules(modules: ModuleFinder, name: str, problems: Problems) -> list[Module]:
    found = modules.open(name)
    if found is None:
        if not problems.errors and name.endswith(".py"):
            problems.error("audit-source", None, f"{name} does not exist", hint="name a module or a Python file")
        elif not problems.errors:
            hint = "name the folder that holds it with --path; modules are read, and never imported"
            problems.error("audit-source", None, f"there is no source of a module {name}", hint=hint)
        return []
    if name.endswith(".py"):
        return [found]
    return [module for one in modules.inside(name) if (module := modules.module(one)) is not None]


def _classes(declarations: Declarations, module: Module, wanted: str) -> list[ClassDeclaration]:
    if not wanted:
        return list(declarations.classes(module))
    found = declarations.declared(module, wanted)
    return [found] if found else []
