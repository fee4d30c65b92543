"""How much of real databases becomes typed devices that connect.

Run as `python -m benchmarks.corpus [FOLDER ...] [--json FILE]`.

Every macro of every database, template and substitutions file below the folders gets a value (`macro_values`). Each
file goes through the whole pipeline by itself, and a real IOC says whether it loads (`verdicts`). Then all files are
one beamline, whose package is written and imported. The records of EPICS base types are served by soft IOCs without
device support (`softening`), and the devices connect to them and read every signal (`connecting`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from beamwright_generator.basics.choices import Transport
from beamwright_generator.parse.database.loader import LoadedDatabase, LoadedRecord, load_database
from beamwright_generator.problems import Problem, Problems
from benchmarks.corpus.generating import Run, Tree, alone, together
from benchmarks.corpus.verdicts import Verdicts
from benchmarks.shared.databases import BASE_TYPES, Corpus, Load
from benchmarks.shared.macro_values import load_of
from benchmarks.shared.paths import CORPUS, ROOT
from benchmarks.shared.report import Figure, parser, progress, report
from benchmarks.shared.softening import served_text
from tests.helpers.softioc import SoftIoc

CLIENT_TIMEOUT = 1800
"""Seconds that connecting to one IOC and reading all of it may take."""

EXAMPLES = 3
"""Places shown of each reason."""


class Connected(NamedTuple):
    """One generated signal, and what came of it: None when it connects and reads, False where nothing serves it."""

    load: Load
    device: str
    attribute: str
    pvs: Sequence[str]
    outcome: str | bool | None

    @property
    def records(self) -> list[str]:
        """The records that it is on."""
        return [pv.partition(".")[0] for pv in self.pvs]


@dataclass
class Survey:
    """Everything found out about the files of a corpus.

    :param verdicts: what EPICS has against each file.
    :param runs: what came of each file by itself.
    :param loaded: the records of the files that generate and that EPICS loads.
    :param trees: the package of all files that generate, by transport.
    """

    corpus: Corpus
    loads: list[Load] = field(default_factory=list)
    verdicts: list[list[str]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    loaded: dict[int, LoadedDatabase] = field(default_factory=dict)
    trees: dict[Transport, Tree] = field(default_factory=dict)
    signals: dict[Transport, list[Connected]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def refused(self, *, by_epics: bool) -> list[int]:
        """Return the places of files that do not generate, and that EPICS refuses too, or not."""
        refused = (n for n, run in enumerate(self.runs) if not run.generates and not run.traceback)
        return [n for n in refused if bool(self.verdicts[n]) == by_epics]

    @property
    def tracebacks(self) -> list[str]:
        """Exceptions of all runs."""
        runs = [*self.runs, *(tree.run for tree in self.trees.values())]
        return [run.traceback for run in runs if run.traceback] + self.faults

    def records(self) -> Iterator[tuple[Load, LoadedRecord]]:
        """Yield every record of the files that load."""
        for load in self.loads:
            if load.number in self.loaded:
                for record in self.loaded[load.number].records.values():
                    yield load, record

    def untyped(self, transport: Transport) -> list[tuple[Load, LoadedRecord]]:
        """Return the records that no generated signal is on."""
        typed = {(one.load.number, name) for one in self.signals[transport] for name in one.records}
        return [
            (load, record)
            for load, record in self.records()
            if not any((load.number, name) in typed for name in (record.name, *record.aliases))
        ]

    def signal_share(self, transport: Transport) -> float:
        """Return the share of records that some generated signal is on."""
        records = sum(1 for _ in self.records())
        return 1 - len(self.untyped(transport)) / records if records else 0.0

    def unconnected(self, transport: Transport) -> list[Connected]:
        """Return the signals that do not connect and read, though all their records are served."""
        return [one for one in self.signals[transport] if isinstance(one.outcome, str)]

    def connected_share(self, transport: Transport) -> float:
        """Return the share of signals on served records that connect and read."""
        served = sum(1 for one in self.signals[transport] if one.outcome is not False)
        return 1 - len(self.unconnected(transport)) / served if served else 0.0

    def figures(self) -> list[Figure]:
        """Return the figures, under the names that people agreed on."""
        generated = sum(run.generates for run in self.runs)
        both, ours = self.refused(by_epics=True), self.refused(by_epics=False)
        beyond = sum(bool(verdict) and run.generates for verdict, run in zip(self.verdicts, self.runs, strict=True))
        broken = [tree for tree in self.trees.values() if tree.run.errors]
        ca, pva = Transport.CA, Transport.PVA
        base = sum(1 for one in self.signals[ca] if one.outcome is not False)
        return [
            Figure("files", len(self.loads), "database and substitutions files"),
            Figure("generated", generated, f"give device classes; EPICS refuses {beyond} of these, as loaded here"),
            Figure("refused_by_epics_too", len(both), "do not, and EPICS does not load them either"),
            Figure("refused_by_us_only", len(ours) + len(broken), "do not, though EPICS loads them", "0"),
            Figure("tracebacks", len(self.tracebacks), "runs that end in an exception", "0"),
            Figure("records", sum(1 for _ in self.records()), "records of the files that load"),
            Figure("signal_share", self.signal_share(ca), "of them are typed signals over CA", "over 0.99"),
            Figure("signal_share_pva", self.signal_share(pva), "of them are typed signals over PVA"),
            Figure("signals", base, "generated signals on records of base types"),
            Figure("connected_share", self.connected_share(ca), "of them connect and read over CA", "1.0"),
            Figure("connected_share_pva", self.connected_share(pva), "of those over PVA connect and read"),
        ]


def survey(folders: Sequence[Path], work: Path, every: int = 1) -> Survey:
    """Find out everything.

    :param work: a folder for what is written on the way.
    :param every: 1 for all files, 2 for every second of them, and so on.
    """
    found = Survey(Corpus.of(*folders))
    corpus = found.corpus
    numbered = list(enumerate(corpus.paths, 1))[::every]
    progress(f"{len(numbered)} files: values for their macros, and EPICS's verdicts")
    with Verdicts(corpus, work) as verdicts:
        for number, path in numbered:
            found.loads.append(load_of(corpus, path, number))
            found.verdicts.append(verdicts.reasons(found.loads[-1]))
    progress("generating for each file by itself")
    found.runs += alone(found.loads, corpus, work)
    generating = [load for load, run in zip(found.loads, found.runs, strict=True) if run.generates]
    for load, reasons, run in zip(found.loads, found.verdicts, found.runs, strict=True):
        if run.generates and not reasons:
            found.loaded[load.number] = _loaded(corpus, load)
    groups = list(served_together(found.loaded))
    for transport in Transport:
        progress(f"generating one beamline of {len(generating)} files for {str(transport).upper()}")
        found.trees[transport] = together(generating, corpus, work, transport)
        found.signals[transport] = []
    while groups:
        group = groups.pop(0)
        text = "".join(served_text(found.loaded[member]) for member in group)
        records = [r.name for n in group for r in found.loaded[n].records.values() if r.type in BASE_TYPES]
        members = [load for load in generating if load.number in group]
        try:
            with SoftIoc(text, timeout=CLIENT_TIMEOUT) as ioc:
                for transport, tree in found.trees.items():
                    progress(f"connecting to {len(records):,} records over {str(transport).upper()}")
                    _connect(found, ioc, tree, members, records, transport)
        except RuntimeError as error:
            if len(group) == 1:
                found.faults.append(f"{members[0].shown}: {error}")
            else:  # one of the files is to blame
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
    return found


def _loaded(corpus: Corpus, load: Load) -> LoadedDatabase:
    loaded = LoadedDatabase()
    for path, macros in load.rows:
        load_database(corpus.files, path, macros, load.search, Problems(), cwd=path.parent, into=loaded)
    return loaded


def served_together(loaded: Mapping[int, LoadedDatabase]) -> Iterator[list[int]]:
    """Sort files into IOCs, so that no two of one IOC have a record of the same name."""
    waiting = dict(loaded)
    while waiting:
        taken: set[str] = set()
        group: list[int] = []
        for number, database in list(waiting.items()):
            names = {*database.records, *database.aliases}
            if not names & taken:
                taken |= names
                group.append(number)
                del waiting[number]
        yield group


def _connect(
    found: Survey, ioc: SoftIoc, tree: Tree, loads: Sequence[Load], records: Sequence[str], transport: Transport
) -> None:
    by_device = {device: load for load in loads for device in tree.devices.get(load.name, ())}
    request = {"module": tree.module, "devices": list(by_device), "records": records}
    command = ["env", f"PYTHONPATH={tree.folder}:{ROOT}", sys.executable, "-m", "benchmarks.shared.connecting"]
    if not by_device:
        return
    try:
        answer = json.loads(ioc.run(command, json.dumps(request)))
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        found.faults.append(f"connecting over {transport}: {error}")
        return
    for device, attribute, pvs, outcome in answer:
        one = Connected(by_device[device], device, attribute, pvs, outcome)
        absent = [name for name in one.records if found.loaded[one.load.number].record(name) is None]
        found.signals[transport].append(one._replace(outcome="no file has this record") if absent else one)


def explain(found: Survey) -> Iterator[str]:
    """Say in lines why files are refused, records untyped and signals unconnected."""
    reasons: dict[str, list[str]] = {}
    for load, run, verdict in zip(found.loads, found.runs, found.verdicts, strict=True):
        if not run.generates:
            for problem in run.errors[:EXAMPLES]:
                which = "too" if verdict else "ONLY BY US"
                reasons.setdefault(f"{problem.code} ({which})", []).append(
                    f"{problem.at or load.shown}: {problem.message}"
                )
    yield from _grouped("files that do not generate", reasons)
    reasons = {}
    for load, run, verdict in zip(found.loads, found.runs, found.verdicts, strict=True):
        if run.generates and verdict:
            what = " ".join("…" if "'" in word or '"' in word else word for word in verdict[0].split())
            reasons.setdefault(what, []).append(f"{load.shown}: {verdict[0]}")
    yield from _grouped("files that generate, though EPICS refuses them", reasons)
    for transport, tree in found.trees.items():
        reasons = {problem.code: [f"{problem.at}: {problem.message}"] for problem in tree.run.errors}
        yield from _grouped(f"errors of all files as one beamline over {transport}", reasons)
        yield from _grouped(f"records without a signal over {transport}", _why_untyped(found, transport))
        reasons = {}
        for one in found.unconnected(transport):
            record = found.loaded[one.load.number].record(one.records[0])
            about = f"{record.type if record else '?'}: {str(one.outcome).replace(one.pvs[0], '…')[:200]}"
            reasons.setdefault(about, []).append(f"{record.at if record else one.load.shown}: {' '.join(one.pvs)}")
        yield from _grouped(f"signals that do not connect or read over {transport}", reasons)
    yield from found.tracebacks


def _why_untyped(found: Survey, transport: Transport) -> dict[str, list[str]]:
    problems = [problem for run in (*found.runs, found.trees[transport].run) for problem in run.problems]
    said: dict[tuple[str, int], Problem] = {}
    for problem in problems:
        if problem.at is not None and problem.code in ("untyped-record", "undecided-type"):
            said[problem.at.file, problem.at.line] = problem
    reasons: dict[str, list[str]] = {}
    for load, record in found.untyped(transport):
        left_out = said.get((record.at.file, record.at.line))
        why = left_out.message.partition(": ")[2] if left_out else "nothing was reported"
        reasons.setdefault(f"{record.type}: {why}", []).append(f"{record.at}: {record.name} ({load.shown})")
    return reasons


def _grouped(title: str, reasons: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if not reasons:
        return
    yield f"\n{title}: {sum(len(places) for places in reasons.values())}"
    for reason, places in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"  {len(places):5}  {reason}"
        yield from (f"           {place}" for place in places[:EXAMPLES])


def main() -> None:
    """Survey the folders, print the table and the reasons, write the figures."""
    arguments = parser("How much of real databases becomes typed devices that connect.")
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument(
        "folders", type=Path, nargs="*", default=[CORPUS], metavar="FOLDER", help=f"databases (default: {CORPUS})"
    )
    arguments.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what is written on the way here")
    options = arguments.parse_args()
    absent = [str(folder) for folder in options.folders if not folder.is_dir()]
    if absent:
        arguments.error(f"no such folder: {', '.join(absent)}")
    with tempfile.TemporaryDirectory(prefix="beamwright-") as temporary:
        work = options.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        found = survey(options.folders, work)
    for line in explain(found):
        print(line)
    print()
    report(f"Databases of {', '.join(map(str, options.folders))}", found.figures(), options.json)
