"""Plans brought up to date: every file is read and decided on before any is written."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from beamwright_generator.basics.packages import MANIFEST, is_passed_over
from beamwright_generator.basics.source_text import Position
from beamwright_generator.changes.diff.renames import Successors
from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.interface.module_reader import joined, read_module
from beamwright_generator.changes.rewrite.import_statements import find_imports
from beamwright_generator.changes.rewrite.inference import Prover
from beamwright_generator.changes.rewrite.module_text import rewritten
from beamwright_generator.changes.rewrite.plan_module import UserModule
from beamwright_generator.changes.rewrite.uses import Leftover, find_uses
from beamwright_generator.problems import Problem, Problems, Severity
from beamwright_generator.python.python_modules import import_path

_SEVERITIES = {"migrate-text": Severity.NOTE, "migrate-altered": Severity.WARNING}


@dataclass(frozen=True)
class ModuleMigration:
    """One file, as it was and as it is to be.

    :param uses: where it uses what broke, in what it was.
    :param encoding: that both are written in.
    """

    path: Path
    name: str
    before: bytes
    after: bytes
    left: tuple[Leftover, ...]
    uses: tuple[Position, ...]
    encoding: str = "utf-8"

    def unified(self) -> str:
        """Give the difference as a unified diff."""
        old, new = (
            content.decode(self.encoding, "replace").splitlines(keepends=True) for content in (self.before, self.after)
        )
        return "".join(difflib.unified_diff(old, new, self.name, self.name))


def migrate(
    paths: Sequence[Path], successors: Successors, problems: Problems, origin: Path | None = None
) -> list[ModuleMigration]:
    """Decide on every module below some paths, and report what a person must look at.

    :param origin: a file that is left alone, because it defines what is replaced.
    """
    files = dict.fromkeys(file for path in paths for file in modules_below(path))
    concerned = _concerned(successors)
    contents = {file: content for file in files if (content := _read(file, problems)) is not None}
    interface = joined(successors.new, successors.old)
    subclasses = _subclasses(contents, interface)
    known = joined(interface, subclasses)
    found = []
    for file, content in contents.items():
        if concerned(content) and not (origin and file.samefile(origin)):
            migrated = _migrated(file, content, successors, known, frozenset(subclasses.classes), problems)
            found += [migrated] if migrated else []
    for migrated in found:
        problems.extend(_problem(left) for left in migrated.left)
    _report_chains(successors, problems)
    return found


def _report_chains(successors: Successors, problems: Problems) -> None:
    """Report new names that something else had before: a second run would take the one for the other."""
    for owner, names in {**successors.members, **successors.states, "": successors.devices}.items():
        for old, now in names.items():
            if now != old and names.get(now, now) != now:
                called, new = ".".join(filter(None, [owner, old])), now.rpartition(".")[2]
                problems.warning(
                    "migrate-once",
                    None,
                    f"{called} is called {new} now, as something else was",
                    hint="rewrite each plan once: a second run would change what the first has written",
                )


def modules_below(path: Path) -> Iterator[Path]:
    """Give the modules below a folder, or the file itself; never generated ones, nor what is hidden or installed."""
    if path.is_file():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if is_passed_over(entry):
            continue
        if entry.is_dir() and not entry.is_symlink() and not (entry / MANIFEST).exists():
            yield from modules_below(entry)
        elif entry.suffix in (".py", ".pyi"):
            yield entry


def _concerned(successors: Successors) -> Callable[[bytes], bool]:
    """Make a quick test whether a file may hold anything that changes: the names, where they can matter."""
    members = b"|".join(re.escape(name).encode() for name in sorted(successors.wanted))
    names = (name.rpartition(".") for name in (*successors.gone, *successors.altered, *successors.calls))
    others = b"|".join({re.escape(short).encode() for _, _, short in names})
    places = [rb"\b(?:" + others + rb")\b"] if others else []
    if members:  # behind a point, as a text, as a keyword of a pattern
        places += [rb"\.[\s\\]*(?:" + members + rb")\b", rb"[\"'](?:" + members + rb")[\"']"]
        places.append(rb"\b(?:" + members + rb")\s*=")
    if not places:
        return lambda content: False
    found = re.compile(b"|".join(places))
    return lambda content: found.search(content) is not None


def _read(file: Path, problems: Problems) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError as error:
        problems.error("file-unreadable", None, f"{_shown(file)} cannot be read: {error.strerror}")
        return None


def _subclasses(contents: dict[Path, bytes], known: Interface) -> Interface:
    """Read the classes of plans that derive from those of the interface, also by way of one another."""
    own = Interface()
    for file, content in contents.items():
        if b"class " in content:
            module = import_path(file)
            found = read_module(content.decode("utf-8", "replace"), module, package=file.name == "__init__.py")
            own = joined(own, Interface({n: c for n, c in found.classes.items() if n not in known.classes}))
    together = joined(known, own)
    derived = {
        name: made
        for name, made in own.classes.items()
        if any(term.name in known.classes for term in together.lineage(name))
    }
    return Interface(derived)


def _migrated(
    file: Path, content: bytes, successors: Successors, known: Interface, subclasses: frozenset[str], problems: Problems
) -> ModuleMigration | None:
    name = _shown(file)
    try:
        module = UserModule(file, name, content)
    except (cst.ParserSyntaxError, UnicodeDecodeError, LookupError, RecursionError) as error:
        at = Position(name, getattr(error, "editor_line", 1), getattr(error, "editor_column", 1))
        problems.error("python-syntax", at, "this is not Python that can be read", hint="correct it first")
        return None
    uses = find_uses(module, Prover(module, known, subclasses), successors)
    imports = find_imports(module, successors, uses)
    if b"beamwright" not in content and b"inject" not in content:
        uses.left = [left for left in uses.left if left.code != "migrate-text"]
    after = rewritten(module, uses.renamed, imports)
    places = tuple(sorted({*uses.proven, *(left.at for left in uses.left if left.uses)}))
    return ModuleMigration(file, name, content, after, tuple(dict.fromkeys(uses.left)), places, module.tree.encoding)


def _problem(left: Leftover) -> Problem:
    return Problem(left.code, _SEVERITIES.get(left.code, Severity.WARNING), left.at, left.message, hint=left.hint)


def _shown(file: Path) -> str:
    return Path(os.path.relpath(file)).as_posix()
