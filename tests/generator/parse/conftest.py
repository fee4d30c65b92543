"""A real IOC's database core to compare with, and short ways to read texts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.database.database_text import parse_database
from beamwright_generator.parse.database.statements import Database
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems

WORKER = Path(__file__).with_name("ioc_worker.py")


class LoadingIoc:
    """Asks an IOC to load files, each request into an empty record map."""

    def __init__(self, definitions: Sequence[Path], settle: Path) -> None:
        self._settle = settle
        self._definitions = [str(path) for path in definitions]
        self._process: subprocess.Popen[str] | None = None

    def load(self, *paths: Path, macros: str = "", search: Sequence[Path] = (), fields: Any = None) -> dict[str, Any]:
        """Load files one after another and give what the IOC then holds."""
        if self._process is None:
            command = [sys.executable, str(WORKER), *self._definitions]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"paths": [str(path) for path in paths], "macros": macros, "fields": fields or {}}
        request["settle"] = str(self._settle)
        request["search"] = ":".join(str(folder) for folder in search) or "."
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"crashed": True}
        answer["refused"] = any(answer.get("status", [1]))
        if "crashed" in answer:
            self.close()
        return answer

    def close(self) -> None:
        """Let the IOC end by itself, at the end of its input."""
        if self._process is not None:
            self._process.communicate(timeout=60)
            self._process = None


@pytest.fixture(scope="session")
def ioc(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadingIoc]:
    pytest.importorskip("epicscorelibs.ioc", reason="no IOC to compare with: epicscorelibs is not installed")
    settle = tmp_path_factory.mktemp("ioc") / "settle.db"
    settle.write_text('record(ai, "settle") {}\n')
    ioc = LoadingIoc(sorted((corpus / "epics-modules+asyn").rglob("dev*.dbd")), settle)
    yield ioc
    ioc.close()


@pytest.fixture
def problems() -> Problems:
    return Problems()


@pytest.fixture
def files(tmp_path: Path, problems: Problems) -> DescriptionFiles:
    return DescriptionFiles([tmp_path], tmp_path, problems)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file below the test's folder."""

    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        return path

    return put


@pytest.fixture
def read(problems: Problems) -> Callable[[str], Database]:
    """Parse a database text."""
    return lambda text: parse_database(Source(Path("x.db"), "x.db", text), problems)
