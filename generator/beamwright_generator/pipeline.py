"""The stages in order: read, parse, resolve, render, polish, plan; what is done with the plan is the caller's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.packages import folder_of, owner_of, packages_below
from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import Model
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.repository import repository
from beamwright_generator.write.manifest import Manifest
from beamwright_generator.write.output_plan import Difference, compare, is_current, not_ours

Progress = Callable[[int, int], None]
"""Called with how many of how many databases are done."""


@dataclass(frozen=True)
class Generation:
    """What one run wants on disk, and how the disk differs.

    :param package: the folder of the generated package.
    :param files: texts by path below it.
    :param unchanged: nothing was read anew, because neither inputs nor outputs changed since they were written.
    """

    name: str
    package: Path
    model: Model | None
    files: Mapping[str, str]
    differences: Sequence[Difference]
    manifest: Manifest
    unchanged: bool = False


def generate_beamline(
    path: Path,
    out: Path | None,
    problems: Problems,
    progress: Progress,
    *,
    trust_manifest: bool = False,
    jobs: int = 1,
    package_name: str | None = None,
) -> Generation | None:
    """Run every stage for a beamline file; None when an error stopped it, so that nothing may be written.

    :param out: folder that holds the generated package; by default what the beamline file says.
    :param jobs: processes that modules are rendered in.
    :param package_name: the import name of the generated package; by default what the beamline file says.
    :param trust_manifest: be content when no input and no output changed since they were written.
    """
    project = BeamlineProject.open(path, problems)
    if project is None:
        return None
    if package_name:
        project = replace(project, beamline=project.beamline.model_copy(update={"package": package_name}))
    files, name, generator = project.files, project.beamline.name, tool()["generator"]
    package = _Package.of(project, out)
    if not package.is_allowed(project, named_by_user=out is not None):
        return None
    package.warn_of_former(project)
    folder, manifest = package.folder, package.manifest
    if trust_manifest and manifest.tool == tool() and is_current(manifest, name, folder, files.place_of, generator):
        return Generation(name, folder, None, {}, (), manifest, unchanged=True)
    # A check that finds nothing changed needs none of the later stages, so they are imported from here on.
    from beamwright_generator.resolve.resolution import resolve_beamline

    observations = project.observations
    if problems.errors:
        return None
    model = resolve_beamline(project, progress, observations).model
    if problems.errors:
        return None
    texts = _texts(model, jobs)
    texts = _shared_with_others(texts, package, project)
    texts, others = _with_readme(texts, model, package)
    package.check_files(texts, project)
    if problems.errors:
        return None
    differences = compare(texts, folder, manifest, name)
    entry = Manifest.entry(texts, files.digests, files.absent, generator)
    after = Manifest(tool(), {**others, name: entry}, project.beamline.package)
    return Generation(name, folder, model, texts, differences, after)


@dataclass(frozen=True)
class _Package:
    """The package that a beamline is generated into.

    :param outer: the folder that holds it, which Python imports it from.
    :param folder: its own folder.
    :param manifest: what was generated into it until now.
    """

    outer: Path
    folder: Path
    manifest: Manifest

    @classmethod
    def of(cls, project: BeamlineProject, out: Path | None) -> _Package:
        """Return the package that the beamline file names.

        :param out: the folder that holds it; by default what the beamline file says.
        """
        written = project.beamline.out
        outer = (out or (project.folder / written if written else project.files.shown_from / "generated")).resolve()
        folder = folder_of(outer, project.beamline.package)
        return cls(outer, folder, Manifest.read(folder))

    def is_allowed(self, project: BeamlineProject, *, named_by_user: bool) -> bool:
        """Return whether the beamline may be written here; a reason against it is reported.

        :param named_by_user: an option named the folder, so that it may lie anywhere.
        """
        beamline, positions, problems = project.beamline, project.positions, project.problems
        if not named_by_user and not project.files.holds(self.folder):
            problems.error(
                "outside-output",
                positions.of("out"),
                f"{beamline.out} is outside the repository and the folders of `roots`",
                hint="name it with --out, or add it to `roots`",
            )
        elif owner := owner_of(beamline.package, self.outer, project.files.shown_from):
            problems.error(
                "package-taken",
                positions.of("package"),
                f"{beamline.package} is a name of the installed distribution {owner}, which one would hide the other",
                hint="give the package a name of the site's own, such as x01_devices",
            )
        elif self.manifest.package != beamline.package and (
            kept := sorted(self.manifest.beamlines.keys() - {beamline.name})
        ):
            problems.error(
                "package-taken",
                positions.of("package"),
                f"{beamline.package} would be written where {', '.join(kept)} has the package {self.manifest.package}",
                hint="give all beamline files that write into one folder the same `package` and `out`",
            )
        else:
            return True
        return False

    def warn_of_former(self, project: BeamlineProject) -> None:
        """Warn of the package that the beamline had under another name: nothing updates that any more."""
        name = project.beamline.name
        for other in packages_below(self.outer):
            if other.resolve() == self.folder:
                continue
            if project.source.name in Manifest.read(other).beamlines.get(name, {}).get("inputs", ()):
                shown = other.relative_to(self.outer).as_posix()
                project.problems.warning(
                    "package-left",
                    project.positions.of("package"),
                    f"{shown} holds {name} as it was before the package was renamed",
                    hint="remove that folder when no plan imports it any more",
                )

    def check_files(self, texts: Mapping[str, str], project: BeamlineProject) -> None:
        """Report files that a symbolic link would take out of the package, and files that `gen` did not write."""
        for path in texts:
            if not (self.folder / path).parent.resolve().is_relative_to(self.folder):
                project.problems.error(
                    "outside-output", Position(path), f"{path} would be written elsewhere, through a symbolic link"
                )
        for other in not_ours(texts, self.folder, self.manifest):
            project.problems.error(
                "output-foreign",
                Position(project.files.shown(self.folder / other)),
                f"{project.beamline.package} already has a file {other}, which `gen` did not write",
                hint="let `package` name a package of its own, such as mysite.devices instead of mysite",
            )


def generate_device(
    path: Path, macros: Mapping[str, str], search: Sequence[Path], transport: Transport, problems: Problems
) -> str | None:
    """Return the module of one template with everything that it includes, in one text."""
    from beamwright_generator.resolve.resolution import resolve_template

    root = repository(path)
    files = DescriptionFiles([root, path.parent.resolve(), *search], root, problems)
    model = resolve_template(files, path, macros, [*search, path.parent], transport, problems)
    if problems.errors or not model.modules:
        return None
    return _one_module(model)


def _one_module(model: Model) -> str:
    from beamwright_generator.render.device_module import render_devices
    from beamwright_generator.render.polish import polish
    from beamwright_generator.resolve.classes.device_classes import in_one_module

    module, types = in_one_module(model.modules)
    return polish({"device.py": render_devices(module, types, "device")})["device.py"]


def _texts(model: Model, jobs: int) -> dict[str, str]:
    from beamwright_generator.render.package_text import render
    from beamwright_generator.render.polish import polish, protected

    if jobs <= 1 or len(model.modules) < 2:
        return protected(polish(render(model)))
    from concurrent.futures import ProcessPoolExecutor

    shares = [
        replace(model, modules=dict(list(model.modules.items())[number::jobs]), beamline=None) for number in range(jobs)
    ]
    with ProcessPoolExecutor(jobs) as pool:
        texts = [render(replace(model, modules={})), *pool.map(render, shares)]
    merged = {path: text for share in texts for path, text in share.items()}
    return protected(polish(dict(sorted(merged.items()))))


def _shared_with_others(texts: Mapping[str, str], package: _Package, project: BeamlineProject) -> dict[str, str]:
    """Take over the first line of modules that another beamline wrote; report those that differ in more.

    A beamline that would be written anew itself has no say: it follows, or finds out, when its turn comes.
    """
    from beamwright_generator.write.disk import read
    from beamwright_generator.write.manifest import sha256
    from beamwright_generator.write.output_plan import reads_the_same

    manifest, beamline, place_of = package.manifest, project.beamline.name, project.files.place_of
    generator, besides = tool()["generator"], (name for name in manifest.beamlines if name != beamline)
    others = [name for name in besides if reads_the_same(manifest, name, place_of, generator)]
    shared = dict(texts)
    for path, text in texts.items():
        found = read(package.folder / path) if manifest.owners(path, besides=beamline) else None
        if found is None or found == text:
            continue
        if found.partition("\n")[2] == text.partition("\n")[2]:
            shared[path] = found
            continue
        owners = [name for name in others if manifest.outputs(name).get(path) == sha256(found)]
        if owners:
            project.problems.error(
                "module-shared",
                Position(path),
                f"{path} is also written for {', '.join(owners)}, from other descriptions",
                hint="give the class another name under overrides/templates, or give one beamline its own `out`",
            )
    return shared


def _with_readme(
    texts: Mapping[str, str], model: Model, package: _Package
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Add the README, with the sections of other beamlines, and return their entries of the manifest with it."""
    from beamwright_generator.render.readme import README, render_readme, render_section, sections_of
    from beamwright_generator.write.disk import read
    from beamwright_generator.write.manifest import sha256

    assert model.beamline is not None
    others = {name: entry for name, entry in package.manifest.beamlines.items() if name != model.name}
    kept = {name: text for name, text in sections_of(read(package.folder / README) or "").items() if name in others}
    text = render_readme({**kept, model.name: render_section(model.beamline)})
    digest = {README: sha256(text)}
    shared = {name: {**entry, "outputs": {**entry["outputs"], **digest}} for name, entry in others.items()}
    return {README: text, **texts}, shared


@cache
def tool() -> dict[str, str]:
    """Name what texts depend on besides the descriptions: versions, and a digest of the generator itself."""
    digest = hashlib.sha256()
    for package in ("beamwright_generator", "beamwright_templates"):
        folder = Path(str(package_files(package)))
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".j2", ".json"):
                digest.update(file.relative_to(folder).as_posix().encode())
                digest.update(file.read_bytes())
    return {"beamwright": version("beamwright"), "generator": digest.hexdigest(), "ruff": version("ruff")}
