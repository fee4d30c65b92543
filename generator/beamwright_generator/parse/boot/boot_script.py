"""Reads boot scripts (st.cmd): what they load, in what environment, and every other command as words; runs nothing."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.boot.shell_words import UnbalancedQuoteError, split_line
from beamwright_generator.parse.description_files import DescriptionFiles, is_file
from beamwright_generator.parse.macros.maclib import ExpansionReport, MacroScope, expand, parse_definitions
from beamwright_generator.parse.search_path import find_file
from beamwright_generator.problems import Problems

DEEPEST_SCRIPT = 64
"""Scripts that run one another beyond this end in a problem."""

MOST_SCRIPTS = 5_000
"""Scripts run by one boot script, each counted as often as it is run."""


class LoadKind(Enum):
    """The command that loads."""

    RECORDS = "dbLoadRecords"
    TEMPLATE = "dbLoadTemplate"
    DEFINITIONS = "dbLoadDatabase"


@dataclass(frozen=True, slots=True)
class Command:
    """One command with its words, macros expanded."""

    name: str
    arguments: tuple[str, ...]
    source: Source
    offset: int

    @property
    def at(self) -> Position:
        """Where the command stands."""
        return self.source.position(self.offset)


@dataclass(frozen=True, slots=True)
class Load:
    """One load: the file as named, its macros, and where an IOC would look for it.

    :param macros: definitions as macLib gets them; a value of None removes a name.
    :param search: folders of EPICS_DB_INCLUDE_PATH at that moment; relative ones count from `cwd`.
    :param environment: the environment at that moment, seen by file names inside the loaded file.
    """

    kind: LoadKind
    file: str
    macros: dict[str, str | None]
    cwd: Path
    search: tuple[Path, ...]
    environment: MacroScope
    source: Source
    offset: int

    @property
    def at(self) -> Position:
        """Where the command stands."""
        return self.source.position(self.offset)

    def find(self, files: DescriptionFiles) -> Path | None:
        """Find the file to load."""
        search = () if self.kind is LoadKind.TEMPLATE else self.search
        return find_file(files, self.file, search, self.cwd, self.source.path.parent)


@dataclass(frozen=True, slots=True)
class Startup:
    """What a boot script does, in order."""

    source: Source
    loads: tuple[Load, ...]
    commands: tuple[Command, ...]
    environment: dict[str, str]


def read_startup(
    files: DescriptionFiles,
    path: Path,
    problems: Problems,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    at: Position | None = None,
) -> Startup | None:
    """Read a boot script and the scripts it runs, or give None where it cannot be read.

    :param env: the environment the IOC is started in; the environment of this process is never looked at.
    :param cwd: the folder the IOC is started in; by default the script's own.
    :param at: what asks for the file.
    """
    source = files.read(path, at)
    if source is None:
        return None
    boot = _Boot(files, problems, dict(env or {}), cwd or path.parent)
    boot.script(source, {}, ())
    return Startup(source, tuple(boot.loads), tuple(boot.commands), boot.environment)


class _Boot:
    """The state of the shell while its script is read."""

    def __init__(self, files: DescriptionFiles, problems: Problems, environment: dict[str, str], cwd: Path) -> None:
        self.files = files
        self.problems = problems
        self.environment = environment
        self.cwd = cwd
        self.loads: list[Load] = []
        self.commands: list[Command] = []
        self.scripts = 0
        self.running = False
        self._scope: MacroScope | None = None

    def script(self, source: Source, macros: Mapping[str, str | None], running: tuple[Path, ...]) -> None:
        """Execute the lines of a script."""
        self.scripts += 1
        offset = 0
        for line in source.text.split("\n"):
            start = offset + len(line) - len(line.lstrip(" \t"))
            self.line(line.strip(" \t"), source, start, macros, (*running, source.path))
            offset += len(line) + 1

    def scope(self, macros: Mapping[str, str | None]) -> MacroScope:
        """Return the environment with a script's own macros over it."""
        if self._scope is None:
            self._scope = MacroScope(self.environment)
        return self._scope.inner(macros)

    def line(
        self, line: str, source: Source, offset: int, macros: Mapping[str, str | None], running: tuple[Path, ...]
    ) -> None:
        """Expand and obey one line."""
        if not line or line[0] == "#":
            return
        met = ExpansionReport()
        expanded = expand(line, self.scope(macros), met=met).lstrip(" \t")
        if met.undefined or met.recursive:
            names = ", ".join((*met.undefined, *met.recursive))
            hint = "give it a value in `env`" if met.undefined else ""
            message = f"an IOC skips this line: macro {names} is {'undefined' if met.undefined else 'recursive'}"
            self.problems.warning("boot-macro-undefined", source.position(offset), message, hint=hint)
            return
        if not expanded or expanded[0] == "#":
            return
        try:
            words, script = split_line(expanded)
        except UnbalancedQuoteError as error:
            self.problems.warning("boot-syntax", source.position(offset), f"an IOC skips this line: {error}")
            return
        if script is not None:
            self._run(script, macros, source, offset, running)
        elif words:
            self._command(Command(words[0], tuple(words[1:]), source, offset), macros, running)

    def _command(self, command: Command, macros: Mapping[str, str | None], running: tuple[Path, ...]) -> None:
        first, second, *_ = (*command.arguments, "", "")
        match command.name:
            case "dbLoadRecords" | "dbLoadTemplate" | "dbLoadDatabase":
                self._load(command)
            case "epicsEnvSet":
                self._set(first, second)
            case "putenv":
                name, _, value = first.partition("=")
                self._set(name, value)
            case "epicsEnvUnset":
                self.environment.pop(first, None)
                self._scope = None
            case "cd" | "chdir":
                self._change_folder(first, command)
            case "iocshLoad":
                self._run(first, parse_definitions(second), command.source, command.offset, running)
            case "iocshRun" | "iocshCmd":
                inner = parse_definitions(second) if command.name == "iocshRun" else {}
                for line in first.split("\n"):
                    self._run_text(line, command, inner, running)
            case "iocInit" | "iocBuild":
                self.running = True
                self.commands.append(command)
            case _:
                self.commands.append(command)

    def _run_text(
        self, line: str, command: Command, macros: Mapping[str, str | None], running: tuple[Path, ...]
    ) -> None:
        if len(running) > DEEPEST_SCRIPT:
            self.problems.error("boot-cycle", command.at, f"more than {DEEPEST_SCRIPT} commands run one another")
            return
        self.line(line.strip(" \t"), command.source, command.offset, macros, (*running, command.source.path))

    def _set(self, name: str, value: str) -> None:
        self.environment[name] = value
        self._scope = None

    def _change_folder(self, folder: str, command: Command) -> None:
        # Without following links, so that positions keep the names users know.
        self.cwd = Path(os.path.normpath(self.cwd / folder))
        if not self.cwd.is_dir():
            shown = self.files.shown(self.cwd)
            self.problems.warning("boot-folder-missing", command.at, f"{shown} is not a folder here")

    def _load(self, command: Command) -> None:
        file, text = (*command.arguments, "", "")[:2]
        if not file:
            self.problems.warning("boot-syntax", command.at, f"{command.name} names no file")
            return
        if self.running:
            message = f"{command.name} of {file} after iocInit; an IOC refuses it"
            self.problems.warning("boot-late-load", command.at, message)
            return
        kind = LoadKind(command.name)
        # The second argument of dbLoadDatabase is a search path.
        macros = {} if kind is LoadKind.DEFINITIONS else parse_definitions(text)
        folders = self.environment.get("EPICS_DB_INCLUDE_PATH") or "."
        search = tuple(Path(folder or ".") for folder in folders.split(":"))
        environment = self.scope({})
        self.loads.append(Load(kind, file, macros, self.cwd, search, environment, command.source, command.offset))

    def _run(
        self, name: str, macros: Mapping[str, str | None], source: Source, offset: int, running: tuple[Path, ...]
    ) -> None:
        """Execute another script."""
        at, path = source.position(offset), self.cwd / name
        if not self.files.exists(path) and not is_file(path):
            hint = "check the name and the folder"
            if path.name == "envPaths":
                hint = "the build makes this file: give TOP=... and the module folders it sets in `env`"
            self.problems.warning("boot-file-missing", at, f"{name} is not here, so it is not run", hint=hint)
            return
        script = self.files.read(path, at)
        if script is None:
            return
        if script.path in running or len(running) > DEEPEST_SCRIPT:
            self.problems.error("boot-cycle", at, f"{script.name} runs itself")
        elif self.scripts > MOST_SCRIPTS:
            self.problems.error("boot-cycle", None, f"scripts run one another more than {MOST_SCRIPTS:,} times")
        else:
            self.script(script, macros, running)
