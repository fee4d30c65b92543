"""The cases of the audit: small device classes with the databases that they are compared with.

`cases/<name>/` holds `case.toml` (`about`, `wanted`, `against`, and `live = false` where an IOC of EPICS base cannot
tell), the databases, `devices.py` and `problems.txt`, which `pytest --update-golden` rewrites.
"""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from beamwright_generator.audit.audit_run import AuditRequest, audit
from beamwright_generator.audit.class_check import Audit
from beamwright_generator.basics.choices import Transport
from beamwright_generator.problems import Problems

CASES = Path(__file__).resolve().parent / "cases"


@dataclass(frozen=True)
class Case:
    name: str
    folder: Path
    wanted: str
    against: tuple[Path, ...]
    live: bool

    def audited(self, transport: Transport = Transport.CA) -> tuple[Audit, Problems]:
        problems = Problems()
        folders = [Path(folder) for folder in sys.path if folder]
        request = AuditRequest(self.wanted, self.against, {}, [], folders, transport)
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return audit(request, self.folder, problems), problems
        finally:
            os.chdir(before)


def case(name: str) -> Case:
    folder = CASES / name
    told = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    against = tuple(folder / file for file in told["against"])
    return Case(name, folder, told["wanted"], against, told.get("live", True))


def names(*, live: bool = False) -> list[str]:
    found = sorted(path.name for path in CASES.iterdir() if (path / "case.toml").is_file())
    return [name for name in found if not live or case(name).live]
