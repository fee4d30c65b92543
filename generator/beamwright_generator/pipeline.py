"""The stages in order: read, parse, resolve, render, polish, plan; what is done with the plan is the caller's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.packages import folder_of, owner_of, packages_below
from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.model import Model
from beamwright_generator.parse.description_files import Files
from beamwright_generator.problems import Problems
from beamwright_generator.project import repository, repository_of
from beamwright_generator.write.manifest import Manifest
from beamwright_generator.write.output_plan import Difference, compare, is_current, not_ours

if TYPE_CHECKING:
    from beamwright_generator.catalogue.entries import Catalogue
    from beamwright_generator.parse.yaml.beamline_file import BeamlineFile, BeamlinePositions
    from beamwright_generator.parse.yaml.observation_file import Observations
    from beamwright_generator.resolve.observed.promised_pvs import DescribedPv

Progress = Callable[[int, int], None]
"""Called with how many of how many databases are done."""


@dataclass(frozen=True)
class Generated:
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
) -> Generated | None:
    """Run every stage for a beamline file; None when an error stopped it, so that nothing may be written.

    :param out: folder that holds the generated package; by default what the beamline file says.
    :param jobs: processes that modules are rendered in.
    :param package_name: the import name of the generated package; by default what the beamline file says.
    :param trust_manifest: be content when no input and no output changed since they were written.
    """
    root = repository_of(path)
    opened = _open(path, root, problems)
    if opened is None:
        return None
    files, source, beamline, positions = opened
    beamline = beamline.model_copy(update={"package": package_name}) if package_name else beamline
    outer = (out or _out(source.path.parent, beamline.out, root)).resolve()
    package, generator = folder_of(outer, beamline.package), tool()["generator"]
    if out is None and not files.holds(package):
        problems.error(
            "outside-output",
            positions.of("out"),
            f"{beamline.out} is outside the repository and the folders of `roots`",
            hint="name it with --out, or add it to `roots`",
        )
        return None
    manifest = Manifest.read(package)
    if not _may_have(package, beamline, positions, outer, root, manifest, problems):
        return None
    _warn_of_former(beamline, source, positions, outer, package, problems)
    if (
        trust_manifest
        and manifest.tool == tool()
        and is_current(manifest, beamline.name, package, files.place_of, generator)
    ):
        return Generated(beamline.name, package, None, {}, (), manifest, unchanged=True)
    # A check that finds nothing changed needs none of the later stages, so they are imported from here on.
    from beamwright_generator.resolve.resolution import resolve_beamline

    observations = _observations(files, source, beamline, positions, problems)
    if problems.errors:
        return None
    model = resolve_beamline(files, source, beamline, positions, problems, progress, observations).model
    if problems.errors:
        return None
    texts = _texts(model, jobs)
    texts = _shared_with_others(texts, package, manifest, beamline.name, files, problems)
    texts, others = _with_readme(texts, model, package, manifest)
    _check_links(texts, package, problems)
    for other in not_ours(texts, package, manifest):
        problems.error(
            "output-foreign",
            Position(files.shown(package / other)),
            f"{beamline.package} already has a file {other}, which `gen` did not write",
            hint="let `package` name a package of its own, such as mysite.devices instead of mysite",
        )
    if problems.errors:
        return None
    differences = compare(texts, package, manifest, beamline.name)
    entry = Manifest.entry(texts, files.digests, files.absent, generator)
    after = Manifest(tool(), {**others, beamline.name: entry}, beamline.package)
    return Generated(beamline.name, package, model, texts, differences, after)


def _may_have(
    package: Path,
    beamline: BeamlineFile,
    positions: BeamlinePositions,
    outer: Path,
    root: Path,
    manifest: Manifest,
    problems: Problems,
) -> bool:
    """Tell whether a beamline may have its package; one that hides another, or stands in its folder, is reported."""
    if owner := owner_of(beamline.package, outer, root):
        problems.error(
            "package-taken",
            positions.of("package"),
            f"{beamline.package} is a name of the installed distribution {owner}, which one would hide the other",
            hint="give the package a name of the site's own, such as x01_devices",
        )
    elif manifest.package != beamline.package and (kept := sorted(manifest.beamlines.keys() - {beamline.name})):
        problems.error(
            "package-taken",
            positions.of("package"),
            f"{beamline.package} would be written where {', '.join(kept)} has the package {manifest.package}",
            hint="give all beamline files that write into one folder the same `package` and `out`",
        )
    else:
        return True
    return False


def _warn_of_former(
    beamline: BeamlineFile,
    source: Source,
    positions: BeamlinePositions,
    outer: Path,
    package: Path,
    problems: Problems,
) -> None:
    """Warn of the package that a beamline had before it got another name: nothing keeps that current any more."""
    for other in packages_below(outer):
        if other.resolve() == package:
            continue
        if source.name in Manifest.read(other).beamlines.get(beamline.name, {}).get("inputs", ()):
            problems.warning(
                "package-left",
                positions.of("package"),
                f"{other.relative_to(outer).as_posix()} holds {beamline.name} as it was before the package was renamed",
                hint="remove that folder when no plan imports it any more",
            )


@dataclass(frozen=True)
class Described:
    """What a beamline promises, and what was observed of it until now.

    :param observations: the file that the beamline file names for what is observed.
    :param before: what it holds; None when there is none.
    """

    name: str
    pvs: Sequence[DescribedPv]
    observations: Path | None
    before: Observations | None


def read_described(path: Path, problems: Problems) -> Described | None:
    """Read what a beamline file and its descriptions promise, PV by PV; None when errors stand in the way."""
    opened = _open(path, repository_of(path), problems)
    if opened is None:
        return None
    from beamwright_generator.resolve.resolution import describe_beamline

    files, source, beamline, positions = opened
    named = source.path.parent / beamline.observations if beamline.observations is not None else None
    before = _observations(files, source, beamline, positions, problems) if named and named.is_file() else None
    pvs = describe_beamline(files, source, beamline, positions, problems)
    return None if problems.errors else Described(beamline.name, pvs, named, before)


def read_catalogue(path: Path, problems: Problems, progress: Progress) -> Catalogue | None:
    """Look up everything about the devices of a beamline; None when errors stand in the way."""
    opened = _open(path, repository_of(path), problems)
    if opened is None:
        return None
    from beamwright_generator.catalogue.assembly import catalogue_of
    from beamwright_generator.resolve.resolution import resolve_beamline

    files, source, beamline, positions = opened
    observations = _observations(files, source, beamline, positions, problems)
    if problems.errors:
        return None
    resolution = resolve_beamline(files, source, beamline, positions, problems, progress, observations)
    return None if problems.errors else catalogue_of(resolution, beamline, observations, problems)


def _open(path: Path, root: Path, problems: Problems) -> tuple[Files, Source, BeamlineFile, BeamlinePositions] | None:
    """Read a beamline file, and open the folders that it and its repository allow."""
    from beamwright_generator.parse.yaml.beamline_file import read_beamline

    files = Files([root if path.resolve().is_relative_to(root) else path.parent], root, problems)
    read = read_beamline(files, path, problems)
    return (files, *read) if read else None


def _observations(
    files: Files, source: Source, beamline: BeamlineFile, positions: BeamlinePositions, problems: Problems
) -> Observations | None:
    """Read what the beamline file says was observed; before the first `gen observe` there is nothing to read."""
    if beamline.observations is None:
        return None
    from beamwright_generator.parse.yaml.observation_file import parse_observations

    path, at = source.path.parent / beamline.observations, positions.of("observations")
    if not files.exists(path):
        problems.warning(
            "observations-missing",
            at,
            f"{beamline.observations} is not there yet",
            hint="record it with `gen observe` while the IOCs run",
        )
        return None
    found = files.read(path, at)
    return parse_observations(found, problems) if found else None


def generate_device(
    path: Path, macros: Mapping[str, str], search: Sequence[Path], transport: Transport, problems: Problems
) -> str | None:
    """Give the module of one template with everything that it includes, in one text."""
    from beamwright_generator.resolve.resolution import resolve_template

    root = repository(path)
    files = Files([root, path.parent.resolve(), *search], root, problems)
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


def _out(folder: Path, written: str | None, root: Path) -> Path:
    return (folder / written).resolve() if written else root / "generated"


def _check_links(texts: Mapping[str, str], package: Path, problems: Problems) -> None:
    """Report files that a symbolic link would take out of the generated package."""
    for path in texts:
        if not (package / path).parent.resolve().is_relative_to(package):
            problems.error(
                "outside-output", Position(path), f"{path} would be written elsewhere, through a symbolic link"
            )


def _shared_with_others(
    texts: Mapping[str, str], package: Path, manifest: Manifest, beamline: str, files: Files, problems: Problems
) -> dict[str, str]:
    """Take over the first line of modules that another beamline wrote; report those that differ in more.

    A beamline that would be written anew itself has no say: it follows, or finds out, when its turn comes.
    """
    from beamwright_generator.write.disk import read
    from beamwright_generator.write.manifest import sha256
    from beamwright_generator.write.output_plan import reads_the_same

    generator, besides = tool()["generator"], (name for name in manifest.beamlines if name != beamline)
    others = [name for name in besides if reads_the_same(manifest, name, files.place_of, generator)]
    shared = dict(texts)
    for path, text in texts.items():
        found = read(package / path) if manifest.owners(path, besides=beamline) else None
        if found is None or found == text:
            continue
        if found.partition("\n")[2] == text.partition("\n")[2]:
            shared[path] = found
            continue
        owners = [name for name in others if manifest.outputs(name).get(path) == sha256(found)]
        if owners:
            problems.error(
                "module-shared",
                Position(path),
                f"{path} is also written for {', '.join(owners)}, from other descriptions",
                hint="give the class another name under overrides/templates, or give one beamline its own `out`",
            )
    return shared


def _with_readme(
    texts: Mapping[str, str], model: Model, package: Path, manifest: Manifest
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Add the README, with the sections that other beamlines have in it; give what the manifest says of those then."""
    from beamwright_generator.render.readme import README, render_readme, render_section, sections_of
    from beamwright_generator.write.disk import read
    from beamwright_generator.write.manifest import sha256

    assert model.beamline is not None
    others = {name: entry for name, entry in manifest.beamlines.items() if name != model.name}
    kept = {name: text for name, text in sections_of(read(package / README) or "").items() if name in others}
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
