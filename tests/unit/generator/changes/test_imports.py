"""How imports follow what has another name or module: no name is lost, and none gets a second meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamwright_generator.changes.diff.renames import Successors
from beamwright_generator.changes.interface.module_reader import read_module
from beamwright_generator.changes.rewrite.migration import migrate
from beamwright_generator.problems import Problems

OLD = read_module("class Pump:\n    speed: int\n\n\nclass Valve:\n    open: int\n", "site.old")
NEW = read_module("class Turbo:\n    speed: int\n", "site.new")
MOVED = Successors(
    OLD,
    NEW,
    classes={"site.old.Pump": "site.new.Turbo", "site.old.Valve": "site.old.Valve"},
    members={"site.old.Pump": {"speed": "speed"}, "site.old.Valve": {"open": "open"}},
)


def migrated(text: str, folder: Path) -> tuple[str, list[str]]:
    """Rewrite a module; give it, and what is left."""
    file = folder / "plan.py"
    file.write_bytes(text.encode())
    problems = Problems()
    found = migrate([file], MOVED, problems)
    after = found[0].after if found else text.encode()
    compile(after, "plan.py", "exec")
    return after.decode(), [f"{problem.code}: {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from site.old import Pump\n\nx: Pump\n", "from site.new import Turbo\n\nx: Turbo\n"),
        (
            "from site.old import Pump, Valve\n\nx: Pump | Valve\n",
            "from site.old import Valve\nfrom site.new import Turbo\n\nx: Turbo | Valve\n",
        ),
        ("from site.old import Pump as P\n\nx: P\n", "from site.new import Turbo as P\n\nx: P\n"),
        (
            "from site.old import Pump\n\nTurbo = 3\nx: Pump\n",
            "from site.new import Turbo as Pump\n\nTurbo = 3\nx: Pump\n",
        ),
        (
            "from site.old import Pump\n\n__all__ = ['Pump']\n",
            "from site.new import Turbo as Pump\n\n__all__ = ['Pump']\n",
        ),
        (
            "from site.new import Turbo\nfrom site.old import Pump\n\nx: Pump | Turbo\n",
            "from site.new import Turbo\n\nx: Turbo | Turbo\n",
        ),
        (
            "def f():\n    from site.new import Turbo\n\n\nfrom site.old import Pump\n\nx: Pump\n",
            "def f():\n    from site.new import Turbo\n\n\nfrom site.new import Turbo\n\nx: Turbo\n",
        ),
        (
            "from other import Turbo\nfrom site.old import Pump\n\nx: Pump\n",
            "from other import Turbo\nfrom site.new import Turbo as Pump\n\nx: Pump\n",
        ),
        (
            "from site.old import Pump\n\n\ndef f(Pump):\n    return Pump\n\n\nx: Pump\n",
            "from site.new import Turbo\n\n\ndef f(Pump):\n    return Pump\n\n\nx: Turbo\n",
        ),
        (
            "from site.old import Pump\n\n\ndef f():\n    global Pump\n    Pump = None\n",
            "from site.new import Turbo as Pump\n\n\ndef f():\n    global Pump\n    Pump = None\n",
        ),
        (
            "if True:\n    from site.old import (\n        Pump,  # the pump\n        Valve,\n    )\n\nx: Pump\n",
            "if True:\n    from site.old import (\n        Valve,\n    )\n    from site.new import Turbo\n\nx: Turbo\n",
        ),
        (
            '"""Doc."""\nfrom site import old\n\nx = old.Pump\n\nimport os\n',
            '"""Doc."""\nfrom site import old\nfrom site.new import Turbo\n\nx = Turbo\n\nimport os\n',
        ),
        (
            "import site.old\n\nTurbo = 3\nx = site.old.Pump, site.old.Valve\n",
            "import site.old\nimport site.new\n\nTurbo = 3\nx = site.new.Turbo, site.old.Valve\n",
        ),
        ("\ufefffrom site.old import Pump\n", "\ufefffrom site.new import Turbo\n"),
    ],
)
def test_imports_follow(before: str, after: str, tmp_path: Path) -> None:
    assert migrated(before, tmp_path) == (after, [])


def test_names_that_a_star_brings_are_left(tmp_path: Path) -> None:
    text = "from site.old import *\n\nx: Pump\n"
    assert migrated(text, tmp_path) == (
        text,
        ["migrate-unproven: names of site.old are imported by *, so that they are left alone"],
    )


def test_relative_imports_are_followed(tmp_path: Path) -> None:
    package = tmp_path / "site"
    (package / "plans").mkdir(parents=True)
    for folder in (package, package / "plans"):
        (folder / "__init__.py").touch()
    after, left = migrated("from ..old import Pump\n\nx: Pump\n", package / "plans")
    assert (after, left) == ("from site.new import Turbo\n\nx: Turbo\n", [])
