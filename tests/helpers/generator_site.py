"""A small site to generate from, written into a folder of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

PUMP = """\
record(ao, "$(P)SPEED") { field(DESC, "Turning speed") }
record(ai, "$(P)SPEED_RBV") {}
record(mbbo, "$(P)MODE") { field(ZRST, "Off") field(ONST, "Slow") field(TWST, "Fast") }
record(busy, "$(P)VENT") {}
"""

GAUGE = 'record(ai, "$(P)PRESSURE") {}\n'


def beamline(name: str = "b01", *databases: str, more: str = "") -> str:
    """Give the text of a beamline file; each database is `file PREFIX`."""
    loads = [database.partition(" ") for database in databases or ("pump.template B01-PUMP-01:",)]
    listed = "".join(f'      - {{file: {file}, macros: {{P: "{prefix}"}}}}\n' for file, _, prefix in loads)
    return f"name: {name}\niocs:\n  - name: B01-VA-IOC-01\n    databases:\n{listed}{more}"


def make(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Write a site that is a repository by itself, and give its beamline file."""
    texts = {
        "pyproject.toml": "",
        "beamline.yaml": beamline(),
        "pump.template": PUMP,
        "gauge.template": GAUGE,
        **(files or {}),
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return folder / "beamline.yaml"


def snapshot(folder: Path) -> dict[str, str]:
    """Give path to digest of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
