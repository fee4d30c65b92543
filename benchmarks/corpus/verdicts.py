"""What an IOC made of EPICS base says about the files of a corpus: which load, and why others do not.

The IOC reads a database itself, macros and includes too, where base alone can: no `substitute`, which only msi knows,
and no record type that base lacks. Other texts are expanded by us first (`tests/unit/generator/parse` compares
that with EPICS), and a base type that the text does not use otherwise stands for each record type that base lacks. The
fields that every record has are judged as they are; the others only for their form, and for being known to the
generator's record type table. The names of device support are not judged, because another module may bring it.

A substitutions file loads when all its templates are found and each loads with the macros of each row. Where we cannot
read it, EPICS's own dbLoadTemplate is asked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beamwright_generator.parse.database.database_text import parse_database
from beamwright_generator.parse.database.statements import Include
from beamwright_generator.parse.database.substitutions import parse_substitutions
from beamwright_generator.parse.macros.maclib import MacroScope, written
from beamwright_generator.parse.macros.msi import expand_text
from beamwright_generator.problems import Problems
from benchmarks.shared.databases import BASE_TYPES, Corpus, Load
from benchmarks.shared.paths import ROOT
from benchmarks.shared.softening import with_stand_ins

WORKER = ROOT / "tests" / "helpers" / "ioc_worker.py"

_LOADED = BASE_TYPES | {"*", "#"}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"(?:ERROR|Substitution file error): *([^\n]*\S)")
_AFTERTHOUGHT = re.compile(r"at or before|Failed to load|Did you mean")
_NO_SUPPORT = re.compile(r"Can't set '.*\.DTYP' to .* no such device support for")


class Verdicts:
    """Asks an IOC about one file after another, in a process of its own.

    :param folder: for the texts that are written for the IOC.
    """

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self.corpus = corpus
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._settle = folder / "settle.db"
        self._settle.write_text('record(ai, "settle") {}\n')

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate(timeout=60)

    def reasons(self, load: Load) -> list[str]:
        """Return what EPICS has against a file; nothing where it loads."""
        if load.missing:
            return [f"Can't open file '{name}'" for name in dict.fromkeys(load.missing)]
        if load.substitutions and (reasons := self._syntax(load)):
            return reasons
        reasons = [reason for path, macros in _once(load.rows) for reason in self._database(load, path, macros)]
        return list(dict.fromkeys(reasons))

    def _database(self, load: Load, path: Path, macros: Mapping[str, str]) -> list[str]:
        problems = Problems()
        source, complete = expand_text(
            self.corpus.files, path, MacroScope(macros), load.search, problems, cwd=path.parent
        )
        if source is None:
            return ["Can't open file"]
        database = parse_database(source, Problems())
        usable = not any(":" in str(folder) for folder in load.search)  # the colon separates the folders of a path
        if usable and not database.needs_msi and {record.type for record in database.records} <= _LOADED:
            return self._ask(paths=[str(path)], macros=written(macros), search=_path_list(load.search))
        if not complete:
            names = (item.file for item in database.items if isinstance(item, Include))
            nested = (i.file for r in database.records for i in r.includes)
            return [f"Can't open one of the include files {', '.join(dict.fromkeys((*names, *nested)))}"]
        text, unknown = with_stand_ins(database)
        file = self.folder / "with_stand_ins.db"
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        return [*self._ask(paths=[str(file)]), *unknown]

    def _syntax(self, load: Load) -> list[str]:
        """Ask dbLoadTemplate about a substitutions file that we do not understand, with empty templates."""
        source, problems = self.corpus.files.read(load.path), Problems()
        assert source is not None
        parse_substitutions(source, problems)
        if not problems.errors:
            return []
        empty = self.folder / "empty.db"
        empty.write_text("")
        text = re.sub(r"(\bfile\s+)(?:\"[^\"\n]*\"|[^\s{]+)", rf'\1"{empty}"', source.text)
        file = self.folder / "syntax.substitutions"
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        return self._ask(paths=[], templates=[str(file)])

    def _ask(self, **request: Any) -> list[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"settle": str(self._settle), **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate(timeout=60)
            self._process = None
            return ["the IOC ends while it reads this"]
        answer = json.loads(line)
        return list(_counting(_COLOUR.sub("", answer["said"])))


def _once(rows: Sequence[tuple[Path, Mapping[str, str]]]) -> Iterator[tuple[Path, Mapping[str, str]]]:
    return iter({(path, tuple(macros.items())): (path, macros) for path, macros in rows}.values())


def _path_list(folders: Sequence[Path]) -> str:
    return ":".join(str(folder) for folder in folders)


def _counting(said: str) -> Iterator[str]:
    """Yield the errors that are the file's fault, and not that of what base lacks."""
    for error in _ERROR.findall(said):
        if not _AFTERTHOUGHT.match(error) and not _NO_SUPPORT.match(error):
            yield error
