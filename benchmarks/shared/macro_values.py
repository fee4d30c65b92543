"""Values for the macros of any database, derived from where each macro stands.

A macro that has a plain default somewhere gets it. Else what its uses need is given, the most demanding use first: a
record type, the name of a device support, a menu's choice, a number, a text. Texts in record names are short and the
first macro of a name carries the file's number, so that the records of different files have different names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from beamwright_generator.parse.database.loader import load_database
from beamwright_generator.parse.database.statements import Alias, Record, RecordField
from beamwright_generator.parse.database.substitutions import Substitutions, parse_substitutions
from beamwright_generator.parse.database.template_tree import TemplateTree, read_template
from beamwright_generator.parse.macros.maclib import Literal, MacroScope, names, parse, references
from beamwright_generator.parse.search_path import find_file
from beamwright_generator.problems import Problems
from beamwright_generator.tables.record_types import FieldDef, menu, record_type
from benchmarks.shared.databases import BASE_TYPES, Corpus, Load

NUMERIC = {"CHAR", "UCHAR", "SHORT", "USHORT", "LONG", "ULONG", "INT64", "UINT64", "FLOAT", "DOUBLE", "ENUM"}
LENGTHS = re.compile(r"NELM|NSAM|MALM|NOV?[A-U]|[IO]MAX|SIZV|MPTS|NMAX|NUSE")
"""Fields that hold the length of an array or a string."""

PREFERRED = {"menuFtype": "DOUBLE", "menuScan": "Passive"}
"""Choices that any use of a menu allows; elsewhere it is the first that fits."""

MOST_ROUNDS = 20
"""Readings of one file, each with values for the macros that the reading before brought to light."""


class Use(NamedTuple):
    """A place that a macro stands in: the text around it, in a field of a record of some type."""

    record: str
    field: str
    text: str
    device: str


@dataclass
class Uses:
    """Where the macros of one database stand."""

    fields: dict[str, list[Use]] = field(default_factory=dict)
    in_names: dict[str, None] = field(default_factory=dict)
    leading: set[str] = field(default_factory=set)
    types: dict[str, set[str]] = field(default_factory=dict)
    includes: dict[str, str] = field(default_factory=dict)
    syntax: set[str] = field(default_factory=set)
    defaults: dict[str, str] = field(default_factory=dict)

    def add(self, tree: TemplateTree) -> None:
        """Take up a file and what it includes."""
        self.syntax |= tree.database.syntactic_macros
        for item in tree.database.items:
            if isinstance(item, Record):
                self._record(item)
            elif isinstance(item, Alias):
                self._name(item.name)
        for included in tree.includes:
            self._defaults(included.statement.file)
            self.includes |= dict.fromkeys(names(included.statement.file), included.statement.file)
            if included.tree is not None:
                self.add(included.tree)

    def _record(self, record: Record) -> None:
        self._name(record.name)
        self._defaults(record.type)
        wanted = {item.name for item in record.fields}
        for macro in names(record.type):
            self.types.setdefault(macro, set()).update(wanted)
        device = next((item.value for item in reversed(record.fields) if item.name == "DTYP"), "")
        for item in record.body:
            if isinstance(item, Alias):
                self._name(item.name)
            elif isinstance(item, RecordField):
                self._defaults(item.raw)
                for macro in names(item.raw):
                    self.fields.setdefault(macro, []).append(Use(record.type, item.name, item.raw, device))

    def _name(self, name: str) -> None:
        self._defaults(name)
        found = [reference.literal_name for reference in references(name)]
        self.in_names |= dict.fromkeys(name for name in found if name)
        if found and found[0] and name.startswith("$"):
            self.leading.add(found[0])

    def _defaults(self, text: str) -> None:
        for reference in references(text):
            default, name = reference.default_text, reference.literal_name
            if name and default and "$" not in default:
                self.defaults.setdefault(name, default)


@dataclass
class Chooser:
    """Chooses the values of one file's macros.

    :param devices: names of device support by record type, besides those of the record type table.
    """

    corpus: Corpus
    search: Sequence[Path]
    number: int
    taken: set[str] = field(default_factory=set)

    def value(self, macro: str, uses: Uses) -> str:
        """Return a value that every use of a macro can take, as far as there is one."""
        if macro in uses.defaults:
            return uses.defaults[macro]
        if macro in uses.syntax:
            return ""
        if macro in uses.includes:
            return self._part_of_file_name(macro, uses.includes[macro])
        if macro in uses.types:
            return _type_with(uses.types[macro])
        fields = uses.fields.get(macro, [])
        if any(re.search(rf"^\s*#\$[({{]{re.escape(macro)}[)}}]", use.text) for use in fields):
            return "L1"  # a whole part of a hardware address such as `#L1 A2`
        chosen = next((choice for use in fields if (choice := self._choice(macro, use))), None)
        if chosen is not None:
            return chosen
        number = max((wanted for use in fields if (wanted := _number(use))), key=len, default=None)
        if macro in uses.in_names:
            return self._in_name(macro, macro in uses.leading, number is not None)
        if number is not None:
            return number
        if any(_is_hardware_link(use, macro) for use in fields):
            return "@dev 0"
        return self._text(macro)

    def _choice(self, macro: str, use: Use) -> str | None:
        """Complete a menu's choice or the name of a device support."""
        definition = _field(use)
        if definition is None or definition.dbf not in ("MENU", "DEVICE"):
            return None
        choices: Iterable[str] = menu(definition.menu)
        if definition.dbf == "DEVICE":
            known = record_type(use.record)
            choices = (*(known.devices if known else ()), *self.corpus.devices.get(use.record, ()))
        preferred = PREFERRED.get(definition.menu, "Soft Channel")
        pattern = _pattern(use.text, macro)
        fitting = [found["here"] for choice in choices if (found := pattern.fullmatch(choice))]
        return preferred if preferred in fitting else fitting[0] if fitting else None

    def _in_name(self, macro: str, leads: bool, numeric: bool) -> str:
        if numeric:
            return self._new(str(100 + self.number)) if leads else self._new(str(1 + len(self.taken)))
        return self._new(f"F{self.number}:") if leads else self._new(f"{_short(macro)}:")

    def _text(self, macro: str) -> str:
        return self._new(_short(macro))

    def _new(self, wanted: str) -> str:
        value, further = wanted, 2
        while value in self.taken:
            value = f"{wanted.rstrip(':')}{further}{':' if wanted.endswith(':') else ''}"
            further += 1
        self.taken.add(value)
        return value

    def _part_of_file_name(self, macro: str, name: str) -> str:
        pattern = _pattern(name, macro)
        for folder in self.search:
            for path in sorted(folder.iterdir()):
                if found := pattern.fullmatch(path.name):
                    return found["here"]
        return self._text(macro)


def load_of(corpus: Corpus, path: Path, number: int) -> Load:
    """Return every macro of a file a value."""
    search = corpus.search(path)
    chooser = Chooser(corpus, search, number)
    shown = corpus.shown(path)
    if not corpus.is_substitutions(path):
        macros = _values(chooser, [(path, {})], {})
        return Load(number, path, shown, search, macros, {}, [(path, macros)])
    source = corpus.files.read(path)
    assert source is not None
    env = _environment(parse_substitutions(source, Problems()), corpus)
    found = [
        (find_file(corpus.files, block.file, search, path.parent, path.parent), block)
        for block in parse_substitutions(source, Problems(), env=MacroScope(env)).templates
    ]
    given = [(template, row.macros) for template, block in found if template for row in block.rows]
    macros = _values(chooser, given, {})
    rows = [(template, {**macros, **row}) for template, row in given]
    missing = [block.file for template, block in found if template is None]
    return Load(number, path, shown, search, macros, env, rows, missing, substitutions=True)


def _values(
    chooser: Chooser, given: Sequence[tuple[Path, Mapping[str, str]]], start: Mapping[str, str]
) -> dict[str, str]:
    """Return values to all macros that some databases ask for, besides those that each is given."""
    macros = dict(start)
    files = chooser.corpus.files
    for _ in range(MOST_ROUNDS):
        before = len(macros)
        for path, row in {(path, tuple(row.items())): (path, row) for path, row in given}.values():
            scope = {**macros, **row}
            problems = Problems()
            load_database(files, path, scope, chooser.search, problems, cwd=path.parent)
            asked = [p.message.split()[1] for p in problems if p.code == "macro-undefined"]
            if not asked:
                continue
            uses = Uses()
            tree = read_template(files, path, chooser.search, Problems(), macros=MacroScope(scope))
            if tree is not None:
                uses.add(tree)
            for name in asked:
                if name not in macros:
                    macros[name] = chooser.value(name, uses)
        if len(macros) == before:
            break
    return macros


def _environment(substitutions: Substitutions, corpus: Corpus) -> dict[str, str]:
    """Choose what the macros of template names stand for: a folder below which the template is found."""
    env: dict[str, str] = {}
    folders = sorted({parent for folder in corpus.folders for parent in (folder, *folder.parents)})
    for block in substitutions.templates:
        for macro in names(block.written_file):
            beside = block.written_file.partition(f"$({macro})/")[2]
            found = (folder for folder in folders if beside and "$" not in beside and (folder / beside).is_file())
            folder = next((f for f in found if any(f.is_relative_to(root) for root in corpus.roots)), None)
            env.setdefault(macro, str(folder) if folder else macro.lower())
    return env


def _field(use: Use) -> FieldDef | None:
    definition = record_type(use.record)
    return definition.fields.get(use.field) if definition else None


def _number(use: Use) -> str | None:
    definition = _field(use)
    if use.field in ("INP", "OUT") and use.text.lstrip().startswith("#"):
        return "1"  # a hardware address such as `#C0 S1` or `#L0 A1`
    if definition is not None and definition.special == "SPC_CALC":
        return "1"
    if definition is None or definition.dbf not in NUMERIC:
        return None
    if LENGTHS.fullmatch(use.field):
        return "16"
    return "3" if use.field == "PREC" else "1"


def _is_hardware_link(use: Use, macro: str) -> bool:
    whole = re.fullmatch(rf"\$[({{]{re.escape(macro)}[)}}]", use.text) is not None
    return whole and use.field in ("INP", "OUT") and bool(use.device) and "Soft" not in use.device


def _type_with(fields: set[str]) -> str:
    """Choose a record type of EPICS base that has all the fields that are set."""
    for name in ("ai", *sorted(BASE_TYPES)):
        known = record_type(name)
        if known is not None and fields <= known.fields.keys():
            return name
    return "ai"


def _pattern(text: str, macro: str) -> re.Pattern[str]:
    """Make a pattern of a text, with a group `here` where the macro stands; other macros may be anything."""
    return re.compile("".join(_pattern_parts(text, macro)))


def _pattern_parts(text: str, macro: str) -> Iterator[str]:
    here = False
    for piece in parse(text):
        if isinstance(piece, Literal):
            yield re.escape(piece.text)
        elif macro in names(piece.text):
            yield "(?P=here)" if here else "(?P<here>.*)"
            here = True
        else:
            yield ".*"


def _short(macro: str) -> str:
    return re.sub(r"[^a-z0-9]", "", macro.lower())[:6] or "m"
