"""Whether `gen audit` is right: its verdicts on shipped classes against connecting those classes for real.

Run as `python -m benchmarks.audit [--json FILE] [--page FILE]`.

Every device class of ophyd-async and, where it is installed, of dodal is read by the audit and compared with the
databases of the corpus and with those that ophyd-async brings. Then the classes are imported and made, databases that a
class fits are served by IOCs without hardware, and each signal is connected and read over CA and PVA. The audit judges
what is served once more, and every verdict has to be what came of connecting.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from beamwright_generator.audit.acceptance import Outcome
from beamwright_generator.audit.class_check import Audit, fits
from beamwright_generator.audit.place_check import Judgement
from beamwright_generator.audit.prefix_search import PrefixMatch, places
from beamwright_generator.audit.record_set import RecordSet, of_template
from beamwright_generator.basics.choices import Transport
from beamwright_generator.parse.database.loader import LoadedDatabase, load_database
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems, Severity
from beamwright_generator.python.constructors import Evaluator
from beamwright_generator.python.declarations import ClassDeclaration, DatatypeForm, Declarations, SignalDeclaration
from beamwright_generator.python.python_modules import ModuleFinder
from beamwright_generator.tables.ophyd_async_classes import shipped_class, shipped_paths
from benchmarks.audit.page import Found, Row, page
from benchmarks.audit.served import Asked, connected, python_ioc, soft_ioc, without_hardware
from benchmarks.corpus.survey import served_together
from benchmarks.shared.databases import BASE_TYPES, Corpus
from benchmarks.shared.macro_values import load_of
from benchmarks.shared.paths import CORPUS, ROOT
from benchmarks.shared.report import Figure, parser, progress, report

LIBRARIES: Final = ("ophyd_async.epics", "dodal.devices")
MOST_FITS: Final = 3
"""Databases that a class is audited against: those that serve most of its PVs."""


@dataclass
class Database:
    """One database of the corpus, as described and as loaded."""

    number: int
    shown: str
    described: RecordSet
    loaded: LoadedDatabase
    served: RecordSet | None = None


@dataclass
class Pair:
    """A class with a database that it fits.

    :param audits: of the database as it is described, and without hardware, by transport.
    :param outcomes: what came of connecting, by attribute.
    """

    distribution: str
    cls: ClassDeclaration
    database: Database
    place: PrefixMatch
    audits: dict[Transport, Audit] = field(default_factory=dict)
    served: dict[Transport, dict[str, Judgement]] = field(default_factory=dict)
    outcomes: dict[Transport, dict[str, str | None]] = field(default_factory=dict)
    made: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    unmade: str = ""

    @property
    def is_own(self) -> bool:
        """Whether the class mirrors this very database, as far as that is known."""
        known = (path for path in shipped_paths() if path.rpartition(".")[2] == self.cls.name)
        mirrored = {template for path in known if (one := shipped_class(path)) for template in one.templates}
        return bool(mirrored) and mirrored <= {path.name for path in self.database.described.paths}

    def types(self, judged: Judgement) -> set[str]:
        """Name the record types that a signal is on, as far as its records exist."""
        found = (self.database.described.find(pv) for pv in judged.pvs)
        return {one[0].type for one in found if one is not None}


@dataclass
class Survey:
    """Everything found out."""

    declared: dict[str, list[ClassDeclaration]] = field(default_factory=dict)
    databases: list[Database] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def compared(self) -> Iterator[tuple[Pair, Transport, Judgement, Judgement, str | None]]:
        """Give each signal that was connected: as described, as served, and what came of it."""
        for pair in self.pairs:
            for over, audit in pair.audits.items():
                for judged in audit.judged:
                    name = judged.signal.attribute
                    served = pair.served[over].get(name)
                    if served is not None and name in pair.outcomes.get(over, {}):
                        yield pair, over, judged, served, pair.outcomes[over][name]

    def wrong(self, *, alarm: bool) -> list[str]:
        """Describe false alarms, or what was missed."""
        found = []
        for pair, over, judged, served, outcome in self.compared():
            for said in (judged, served):
                refused = said.verdict.outcome is Outcome.REFUSED
                connects = said.verdict.outcome is Outcome.CONNECTS
                if (alarm and refused and outcome is None) or (not alarm and connects and outcome is not None):
                    where = f"{pair.cls.path}.{judged.signal.attribute} ({pair.database.shown}, {over})"
                    found.append(f"{where}: {said.verdict.reason or 'no problem'}; connecting: {outcome or 'connects'}")
        return found

    def unlike(self) -> list[str]:
        """Describe what the audit read otherwise than the class made."""
        found: dict[str, None] = {}
        for pair in self.pairs:
            read = {judged.signal.attribute: judged for judged in pair.audits[Transport.CA].judged}
            for name, judged in read.items():
                made = pair.made.get(name)
                as_read = (datatype_as_made(judged.signal), *judged.pvs)
                if not pair.made or (made is not None and set(as_read) - {None} <= set(made)):
                    continue
                found[f"{pair.cls.path}.{name}: read as {as_read}, made as {made}"] = None
            for name in pair.made.keys() - {signal.attribute for signal in pair.cls.signals}:
                found[f"{pair.cls.path}.{name}: made, and not read"] = None
        return list(found)

    def best(self) -> list[Pair]:
        """Give each class with the database that serves most of it."""
        first: dict[str, Pair] = {}
        for pair in self.pairs:
            first.setdefault(pair.cls.path, pair)
        return list(first.values())

    def open(self) -> int:
        """Count what is not known even of what is served."""
        return sum(served.verdict.outcome in (Outcome.OPEN, Outcome.RUNTIME) for _, _, _, served, _ in self.compared())

    def figures(self) -> list[Figure]:
        """Give the figures, under the names that people agreed on."""
        best = self.best()
        findings = [f for pair in best for f in pair.audits[Transport.CA].findings]
        errors = sum(f.problem.severity is Severity.ERROR for f in findings)
        read = sum(len(classes) for classes in self.declared.values())
        signals = sum(len(cls.signals) for classes in self.declared.values() for cls in classes)
        verified = list(self.compared())
        unmade = {pair.cls.path for pair in self.pairs if pair.unmade}
        return [
            Figure("classes_read", read, f"device classes with signals in {' and '.join(self.declared)}"),
            Figure("signals_read", signals, "signals that they declare"),
            Figure("classes", len(best), "classes that some database of the corpus serves most of"),
            Figure("signals", sum(len(pair.cls.signals) for pair in best), "their signals"),
            Figure("findings", len(findings), f"found against the database that fits best, {errors} of them errors"),
            Figure("pairs", len(self.pairs), "a class with one of the databases that it fits"),
            Figure("verified", len(verified), "verdicts compared with connecting, over CA and PVA"),
            Figure("refused", sum(v[4] is not None for v in verified), "of these signals do not connect"),
            Figure(
                "refused_types",
                sum(_is_refused(v[4]) for v in verified),
                "of those are there, and refused for what they are",
            ),
            Figure("false_alarms", len(self.wrong(alarm=True)), "errors where the signal connects", "0"),
            Figure("missed", len(self.wrong(alarm=False)), "signals that do not connect, and are no error", "0"),
            Figure("open", self.open(), "verdicts left open on what is served"),
            Figure("unlike", len(self.unlike()), "signals read otherwise than the class makes them", "0"),
            Figure("unmade", len(unmade), "classes that need more than prefixes to be made, and were not connected"),
        ]


def _is_refused(outcome: str | None) -> bool:
    return outcome is not None and not outcome.startswith("NotConnectedError")


def datatype_as_made(signal: SignalDeclaration) -> str | None:
    """Give a datatype as `audit_client` does; None where the source does not tell it."""
    match signal.type.form:
        case DatatypeForm.ENUM:
            return f"{signal.type.text}: {sorted(signal.type.states)}"
        case DatatypeForm.ANY:
            return ""
        case DatatypeForm.OTHER | DatatypeForm.UNKNOWN:
            return None
        case _:
            return signal.type.text


def survey(folders: Sequence[Path], work: Path) -> Survey:
    """Find out everything; `work` is a folder for what is written on the way."""
    found = Survey()
    progress("reading databases")
    for folder in folders:
        corpus = Corpus.of(folder)
        for path in corpus.paths:
            if not corpus.is_substitutions(path):
                found.databases += _database(corpus, path, len(found.databases) + 1)
    declarations = Declarations(Evaluator(ModuleFinder(DescriptionFiles([], ROOT, Problems()), _python_folders())))
    for library in LIBRARIES:
        if importlib.util.find_spec(library.partition(".")[0]) is None:
            progress(f"{library} is not installed, so it is left out")
            continue
        progress(f"reading the classes of {library}")
        modules = declarations.lookup.modules
        inside = (modules.module(name) for name in modules.inside(library))
        found.declared[library] = [cls for one in inside if one is not None for cls in declarations.classes(one)]
        for cls in found.declared[library]:
            found.pairs += _pairs(library, cls, found.databases)
    used = {pair.database.number: pair.database for pair in found.pairs}
    for number, group in enumerate(served_together({n: one.loaded for n, one in sorted(used.items())})):
        _verify(found, [used[member] for member in group], work / f"group{number}.db")
    return found


def _python_folders() -> list[Path]:
    return [Path(one).resolve() for one in sys.path if one]


def _database(corpus: Corpus, path: Path, number: int) -> Iterator[Database]:
    load = load_of(corpus, path, number)
    described = of_template(corpus.files, path, load.macros, load.search, Problems())
    loaded = load_database(corpus.files, path, load.macros, load.search, Problems(), cwd=path.parent)
    if described is not None and not loaded.refused:
        yield Database(number, corpus.shown(path), described, loaded)


def _pairs(library: str, cls: ClassDeclaration, databases: Sequence[Database]) -> list[Pair]:
    found = [
        Pair(library, cls, one, placed[0])
        for one in databases
        if (placed := places(cls, one.described, None)) and fits(placed[0])
    ]
    order = sorted(found, key=lambda p: (-p.place.found, not p.is_own, len(p.database.described.records)))
    return order[:MOST_FITS]


def _verify(found: Survey, databases: Sequence[Database], file: Path) -> None:
    """Judge the pairs of some databases as described and as served, and connect their classes."""
    pairs = [pair for pair in found.pairs if pair.database in databases]
    together = LoadedDatabase()
    for one in databases:
        together.records |= one.loaded.records
        together.aliases |= one.loaded.aliases
    served = without_hardware(together, file)
    described = of_template(DescriptionFiles([file.parent], file.parent, Problems()), file, {}, [], Problems())
    assert described is not None
    for pair in pairs:
        for over in Transport:
            pair.audits[over], as_served = Audit(over), Audit(over)
            pair.audits[over].of(pair.cls, [], named=False)
            pair.audits[over].at_place(pair.cls, pair.database.described, pair.place)
            as_served.at_place(pair.cls, described, pair.place)
            pair.served[over] = {judged.signal.attribute: judged for judged in as_served.judged}
    base = {id(p): [j.signal.attribute for j in _judged(p) if p.types(j) <= BASE_TYPES] for p in pairs}
    rest = {id(p): [j.signal.attribute for j in _judged(p) if not p.types(j) <= BASE_TYPES] for p in pairs}
    progress(f"connecting {len(pairs)} classes to {len(served.records):,} records")
    _connect(found, pairs, base, soft_ioc(served))
    _connect(found, [pair for pair in pairs if rest[id(pair)]], rest, python_ioc(served))


def _judged(pair: Pair) -> list[Judgement]:
    return pair.audits[Transport.CA].judged


def _connect(
    found: Survey,
    pairs: Sequence[Pair],
    attributes: Mapping[int, Sequence[str]],
    serving: AbstractContextManager[Mapping[str, str]],
) -> None:
    with serving as environment:
        for over in Transport:
            start = "" if over is Transport.CA else "pva://"
            asked = []
            for pair in pairs:
                prefixes = {name: start + prefix for name, prefix in pair.place.prefixes}
                asked.append(Asked(pair.cls.module, pair.cls.name, prefixes, attributes[id(pair)]))
            for pair, answer in zip(pairs, connected(asked, environment, ROOT), strict=True):
                _take(pair, over, answer)


def _take(pair: Pair, over: Transport, answer: Any) -> None:
    if isinstance(answer, str):
        pair.unmade = answer
        return
    for attribute, _, datatype, read, write, outcome in answer:
        pair.made[attribute] = (datatype, read, write)
        if outcome is not False:
            pair.outcomes.setdefault(over, {})[attribute] = outcome


def _row(pair: Pair) -> Row:
    findings = []
    for one in pair.audits[Transport.CA].in_order():
        problem = one.problem
        outcome = pair.outcomes.get(Transport.CA, {}).get(one.attribute, "not connected")
        message = problem.message.removeprefix(f"{pair.cls.name}.")
        findings.append(Found(problem.severity.value, problem.code, message, problem.hint, outcome))
    return Row(pair.distribution, pair.cls.path, pair.database.shown, pair.is_own, len(pair.cls.signals), findings)


def main() -> None:
    """Survey, print the figures and what is wrong, write the page."""
    arguments = parser("Whether gen audit is right about shipped classes.")
    arguments.add_argument("--page", type=Path, metavar="FILE", help="write the page about shipped classes here")
    options = arguments.parse_args()
    if not CORPUS.is_dir():
        print(f"skipped: the public databases are not in {CORPUS}")
        return
    spec = importlib.util.find_spec("ophyd_async.epics")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    with tempfile.TemporaryDirectory(prefix="beamwright-") as temporary:
        found = survey([CORPUS, Path(spec.submodule_search_locations[0])], Path(temporary))
    for title, lines in (
        ("false alarms", found.wrong(alarm=True)),
        ("missed", found.wrong(alarm=False)),
        ("read otherwise than made", found.unlike()),
        ("not made", sorted({f"{pair.cls.path}: {pair.unmade}" for pair in found.pairs if pair.unmade})),
    ):
        print(f"{title}: {len(lines)}")
        for line in lines:
            print(f"  {line}")
    if options.page is not None:
        unmade = {pair.cls.path: pair.unmade for pair in found.pairs if pair.unmade}
        rows = [_row(pair) for pair in found.best()]
        options.page.write_text(page(list(found.declared), found.figures(), rows, unmade), encoding="utf-8")
    report("Shipped classes against public databases", found.figures(), options.json)
