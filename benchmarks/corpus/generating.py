"""Runs the generator's whole pipeline on the files of a corpus: each file alone, and all of them as one beamline."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from beamwright_generator.basics.choices import Transport
from beamwright_generator.pipeline import generate_beamline
from beamwright_generator.problems import Problem, Problems, Severity
from beamwright_generator.write.output_plan import write
from benchmarks.shared.databases import Corpus, Load


@dataclass(frozen=True)
class Run:
    """What came of one run of the pipeline.

    :param traceback: of an exception, which no input should bring about.
    """

    problems: Sequence[Problem] = ()
    traceback: str = ""

    @property
    def errors(self) -> list[Problem]:
        """The problems that stopped the run."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]

    @property
    def generates(self) -> bool:
        """Whether it ended with files to write."""
        return not (self.errors or self.traceback)


@dataclass(frozen=True)
class Tree:
    """A written package.

    :param folder: holds the package.
    :param devices: factory names by the IOC that serves them.
    """

    folder: Path
    module: str
    run: Run
    devices: Mapping[str, Sequence[str]] = field(default_factory=dict)


def alone(loads: Sequence[Load], corpus: Corpus, folder: Path) -> Iterator[Run]:
    """Generate for each file by itself, in as many processes as there are cores; nothing is written."""
    files = [_write(folder / f"alone{load.number}.yaml", [load], corpus, Transport.CA) for load in loads]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(_run, files, [corpus.top] * len(files))


def together(loads: Sequence[Load], corpus: Corpus, folder: Path, transport: Transport) -> Tree:
    """Generate one beamline of many files, and write it."""
    name = f"corpus_{transport}"
    file = _write(folder / f"{name}.yaml", loads, corpus, transport)
    problems = Problems()
    out = folder / f"tree_{transport}"
    module = f"beamwright_generated.beamlines.{name}"
    try:
        generated = generate_beamline(file, out, problems, lambda done, total: None)
        if generated is None or generated.model is None or generated.model.beamline is None:
            return Tree(out, module, Run(_shown(problems, file, corpus.top)))
        write(generated.differences, generated.package, generated.manifest)
    except Exception:
        return Tree(out, module, Run(_shown(problems, file, corpus.top), traceback.format_exc()))
    devices: dict[str, list[str]] = {}
    for placed in generated.model.beamline.devices:
        devices.setdefault(placed.place.ioc, []).append(placed.place.name)
    return Tree(out, module, Run(_shown(problems, file, corpus.top)), devices)


def _write(file: Path, loads: Iterable[Load], corpus: Corpus, transport: Transport) -> Path:
    iocs = [_ioc(load) for load in loads]
    beamline = {
        "name": file.stem,
        "roots": [str(root) for root in corpus.roots],
        "transport": str(transport),
        "iocs": iocs,
    }
    # JSON is YAML as well.
    file.write_text(json.dumps(beamline, indent=1, ensure_ascii=False), encoding="utf-8", errors="surrogateescape")
    return file


def _ioc(load: Load) -> dict[str, Any]:
    return {
        "name": load.name,
        "env": load.env,
        "search": [str(folder) for folder in load.search],
        "databases": [{"file": str(load.path), "macros": load.macros}],
    }


def _run(file: Path, top: Path) -> Run:
    problems = Problems()
    try:
        generate_beamline(file, file.with_suffix(""), problems, lambda done, total: None)
    except Exception:
        return Run(_shown(problems, file, top), traceback.format_exc())
    return Run(_shown(problems, file, top))


def _shown(problems: Problems, file: Path, top: Path) -> list[Problem]:
    """Name files from the corpus on."""
    outside = Path(os.path.relpath(top, file.parent.resolve())).as_posix() + "/"
    return [_moved(problem, outside) for problem in problems.in_order()]


def _moved(problem: Problem, outside: str) -> Problem:
    if problem.at is None:
        return problem
    return replace(problem, at=replace(problem.at, file=problem.at.file.removeprefix(outside)))
