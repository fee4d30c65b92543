"""Works out what the records of templates amount to, each once for all the instances that are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import Member
from beamwright_generator.parse.database.template_tree import TemplateTree, read_template
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.parse.macros.maclib import names as macro_names
from beamwright_generator.parse.yaml.beamline_file import TemplateOverride
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.content.device_content import Base, Content
from beamwright_generator.resolve.content.flat_template import FlatRecord, FlatTemplate, Outer, Use, flatten
from beamwright_generator.resolve.content.record_groups import groups_of, parts_of, stem_of, with_names
from beamwright_generator.resolve.naming.identifiers import class_name
from beamwright_generator.resolve.naming.prefixes import (
    common_prefix,
    literal_prefix,
    macros_of,
)
from beamwright_generator.resolve.signals.pvi_facts import PviFacts
from beamwright_generator.resolve.signals.record_signals import judge, kept_records
from beamwright_generator.resolve.types.datatype_rules import is_deciding, value_type
from beamwright_generator.resolve.types.kinds import Served, Transport, Undecided
from beamwright_generator.resolve.types.observed_types import FactsByContent, content_key
from beamwright_generator.resolve.types.template_record import TemplateRecord


@dataclass
class Contents:
    """Works out contents, each once for the values of the macros that decide on its shape.

    :param observed: what running IOCs serve where descriptions leave a type open.
    :param judged: takes what is wrong with records, apart from what is wrong with files; by default the same.
    """

    files: DescriptionFiles
    problems: Problems
    transport: Transport
    overrides: Mapping[str, TemplateOverride]
    pvi: Mapping[str, PviFacts]
    observed: FactsByContent = field(default_factory=dict)
    judged: Problems | None = None
    leaves: dict[str, set[str]] = field(default_factory=dict)
    _trees: dict[tuple[object, ...], FlatTemplate | None] = field(default_factory=dict)
    _uses: dict[tuple[object, ...], FlatTemplate] = field(default_factory=dict)
    _structural: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict)
    _deciding: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict)
    _made: dict[tuple[object, ...], tuple[Content, ...]] = field(default_factory=dict)

    def of(
        self, path: Path, macros: Mapping[str, str], search: Sequence[Path], cwd: Path, at: Position | None
    ) -> tuple[Content, ...]:
        """Return the contents of a template loaded with some macros: one for each group of its records.

        Records are in one group when their names start with the same macro; those that start with literal text are
        grouped by the name before the first colon.
        """
        flat = self._flat(path, macros, search, cwd, at)
        return self._contents(flat, macros) if flat else ()

    def _flat(
        self, path: Path, macros: Mapping[str, str], search: Sequence[Path], cwd: Path, at: Position | None
    ) -> FlatTemplate | None:
        where = (path, tuple(search), cwd)
        if where not in self._structural:
            met = Problems()
            tree = read_template(self.files, path, search, met, cwd=cwd, at=at)
            self._structural[where] = _structural(tree) if tree else ()
            if not self._structural[where]:
                self.problems.extend(met)
                self._trees[where, ()] = flatten(tree, self.problems) if tree else None
        structural = {name: macros[name] for name in self._structural[where] if name in macros}
        key = (where, tuple(structural.items()))
        if key not in self._trees:
            tree = read_template(self.files, path, search, self.problems, macros=MacroScope(structural), cwd=cwd, at=at)
            self._trees[key] = flatten(tree, self.problems) if tree else None
        return self._trees[key]

    def _contents(self, flat: FlatTemplate, macros: Mapping[str, str]) -> tuple[Content, ...]:
        tree_key = id(flat)
        if (tree_key,) not in self._deciding:
            self._deciding[(tree_key,)] = self._deciding_macros(flat)
        deciding = {name: macros[name] for name in self._deciding[(tree_key,)] if name in macros}
        key = (tree_key, tuple(deciding.items()))
        if key not in self._made:
            self._made[key] = tuple(self._group(flat, names, deciding) for names in groups_of(flat))
        return self._made[key]

    def _deciding_macros(self, flat: FlatTemplate) -> tuple[str, ...]:
        found: dict[str, None] = dict.fromkeys(macros_of(record.type for record in flat.records))
        for record in flat.records:
            answer = value_type(record.type, record.fields, self.transport, record.infos)
            if isinstance(answer, Undecided):
                # Once one macro is given the next may stand in the way, so all that types hang on are taken together.
                values = (value for name, value in record.fields.items() if is_deciding(name) and "$" in value)
                found |= dict.fromkeys(name for value in values for name in sorted(macro_names(value)))
        return tuple(found)

    def _group(self, flat: FlatTemplate, names: Sequence[str], deciding: Mapping[str, str]) -> Content:
        source, wanted = flat.tree.source, set(names)
        records = [_decided(record, deciding) for record in flat.records if record.name in wanted]
        prefix = common_prefix(names) or literal_prefix(names)
        stem = stem_of(flat, names)
        bases, parts, covered = self._included(flat, prefix, wanted, records, deciding)
        override = self.overrides.get(source.path.name, TemplateOverride())
        override = override.on_top_of(base.content.override for base in bases)
        facts = self.pvi.get(source.path.stem, PviFacts()).on_top_of(base.content.facts for base in bases)
        templates = flat.files - {file for _, content in parts for file in content.templates}
        typed = [
            TemplateRecord(r.name, r.name[len(prefix) :], r.type, r.fields, r.infos, r.at)
            for r in records
            if r.name not in covered
        ]
        self.leaves.setdefault(source.path.name, set()).update(record.leaf for record in typed)
        kept = kept_records(typed, override)
        signals = judge(
            kept,
            override.name or class_name(stem),
            templates,
            self.transport,
            override,
            facts,
            {name for base in bases for name in base.content.signals.refused},
            self.observed.get((self.transport, content_key(source.name, prefix, deciding)), {}),
            self.problems if self.judged is None else self.judged,
        )
        # A class that extends Motor does not extend those of mere records as well, nor they one that does.
        bases = tuple(base for base in bases if base.content.signals.motor == signals.motor)
        for base in bases:
            signals = signals.with_inherited(base.content.signals)
        return Content(
            stem,
            source.name,
            records[0].at,
            prefix,
            flat.defaults,
            macros_of(record.leaf for record in typed),
            signals,
            bases,
            with_names(parts, signals, templates),
            templates,
            self.transport,
            _description(typed),
            deciding,
            override,
            facts,
            kept,
        )

    def _included(
        self,
        flat: FlatTemplate,
        prefix: str,
        wanted: set[str],
        records: Sequence[FlatRecord],
        deciding: Mapping[str, str],
    ) -> tuple[tuple[Base, ...], list[tuple[Member, Content]], set[str]]:
        """Sort the included files of a group into bases of its class and devices inside it."""
        bases: list[Base] = []
        inside: list[tuple[Use, Base]] = []
        for use in flat.uses:
            base = self._as_base(use, prefix, deciding)
            if base is None or not use.names <= wanted:
                continue
            if not base.suffix:
                bases.append(base)
            elif self._unchanged(use, base, records):
                inside.append((use, base))
        covered = {name for use, _ in inside for name in use.names}
        return tuple(bases), list(parts_of([base for _, base in inside])), covered

    def _as_base(self, use: Use, prefix: str, deciding: Mapping[str, str]) -> Base | None:
        flat = self._flat_use(use)
        if not flat.records:
            return None
        outer = Outer(use.definitions)
        contents = self._contents(flat, {**{k: v for k, v in use.definitions.items() if v is not None}, **deciding})
        if len(contents) != 1 or contents[0].parameters:
            return None
        seen = outer.filled(contents[0].prefix)
        suffix = seen[len(prefix) :]
        return Base(contents[0], suffix) if prefix and seen.startswith(prefix) and "$" not in suffix else None

    def _flat_use(self, use: Use) -> FlatTemplate:
        """Flatten an included file by itself, once however many templates include it."""
        key = _fingerprint(use.tree)
        if key not in self._uses:
            self._uses[key] = flatten(use.tree, Problems())
        return self._uses[key]

    def _unchanged(self, use: Use, base: Base, records: Sequence[FlatRecord]) -> bool:
        flat = self._flat_use(use)
        outer = Outer(use.definitions)
        mine = {record.name: record for record in records}
        for record in flat.records:
            here = mine.get(outer.filled(record.name))
            alone = _decided(record, base.content.deciding)
            if here is None or here.type != alone.type or self._type(here) != self._type(alone):
                return False
        return True

    def _type(self, record: FlatRecord) -> object:
        answer = value_type(record.type, record.fields, self.transport, record.infos)
        return answer if isinstance(answer, Served) else type(answer)


def _fingerprint(tree: TemplateTree) -> tuple[object, ...]:
    included = (_fingerprint(i.tree) if i.tree else None for i in tree.includes)
    return (tree.source.path, hash(tree.source.text), *included)


def _structural(tree: TemplateTree) -> tuple[str, ...]:
    """Name the macros that decide which files are included, or what the text of one says at all."""
    found: dict[str, None] = {}
    for name in sorted(tree.database.syntactic_macros):
        found[name] = None
    for included in tree.includes:
        found |= dict.fromkeys(macros_of([included.statement.file]))
        if included.tree is not None:
            found |= dict.fromkeys(_structural(included.tree))
    return tuple(found)


def _decided(record: FlatRecord, deciding: Mapping[str, str]) -> FlatRecord:
    """Fill in the macros that decide on types; all others stay."""
    if not any("$" in value for value in (record.type, *record.fields.values())):
        return record
    scope = MacroScope(deciding)
    fields = {
        name: expand(value, scope) if name not in _PER_INSTANCE and "$" in value else value
        for name, value in record.fields.items()
    }
    return FlatRecord(record.name, expand(record.type, scope), record.at, fields, record.infos)


_PER_INSTANCE = frozenset({"DESC", "INP", "OUT", "FLNK"})


def _description(records: Sequence[TemplateRecord]) -> str:
    """Return the words for one device of a template: of the record called like it, or the first that are a macro."""
    named = [record.fields.get("DESC", "") for record in records if not record.leaf]
    given = [desc for record in records if "$" in (desc := record.fields.get("DESC", ""))]
    return next(iter((*named, *given)), "")
