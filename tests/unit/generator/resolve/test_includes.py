"""Whatever includes whatever, in any order: Python can import the classes, and they are what the database says."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from hypothesis import example, given, settings
from hypothesis import strategies as st
from ophyd_async.core import Device

from beamwright_generator.parse.database.loader import LoadedRecord, load_database
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.pipeline import generate_beamline
from beamwright_generator.problems import Problems
from beamwright_generator.tables.ophyd_async_classes import shipped_names
from beamwright_runtime import Beamline, Motor
from benchmarks.shared.connecting import leaves

PACKAGE = "beamwright_generated"
STEMS = ("base", "track", "cam", "base_common", "track_mode", "stage", "slow")
"""Some make names of classes and enums that others make as well: BaseCommon, TrackMode."""

STATES = ("In", "Out", "Moving"), ("In", "Out", "Fault"), ("One", "Two", "Three")
BODIES = {
    "ai": "",
    "longout": "",
    "bo": 'field(ZNAM, "Off") field(ONAM, "On")',
    **{f"mbbo{n}": " ".join(f'field({f}, "{s}")' for f, s in zip(("ZRST", "ONST", "TWST"), states, strict=False))
       for n, states in enumerate(STATES)},
}  # fmt: skip
TYPES = {"ai": float, "longout": int, "bo": bool, "motor": float}


@dataclass(frozen=True)
class Template:
    """One file: what it includes and its own records, as lines in any order.

    :param placed: whether the beamline has a device of it.
    """

    lines: tuple[str, ...]
    placed: bool


PLATE = 'record(ai, "$(P)$(R)V") {}'
PLATES = ("S1:",), ("S1:", "S2:"), ("S:",)
"""What a file that is a device inside others is included under: a child or a vector."""


def include(stem: str) -> str:
    return f'include "{stem}.template"'


def plates(prefixes: tuple[str, ...]) -> str:
    return "\n".join(f'substitute "R={prefix}"\ninclude "plate.template"' for prefix in prefixes)


def record(name: str, body: str) -> str:
    return f'record({body.rstrip("012")}, "$(P){name}") {{ {BODIES.get(body, "")} }}'


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Template, ...]:
    found: list[Template] = []
    for number in range(draw(st.integers(2, len(STEMS)))):
        lines = draw(
            st.lists(
                st.builds(record, st.sampled_from(["X", "x", "Mode", "Common", "X_RBV"]), st.sampled_from([*BODIES])),
                max_size=2,
            )
        )
        lines.append(record(f"Own{number}", "ai"))
        if draw(st.integers(0, 9)) == 0:
            lines.append(record("", "motor"))
        if number:
            lines += draw(
                st.lists(st.builds(include, st.sampled_from(STEMS[:number])), min_size=number > 2, max_size=4)
            )
        if draw(st.integers(0, 4)) == 0:
            lines.append(plates(draw(st.sampled_from(PLATES))))
        found.append(Template(tuple(draw(st.permutations(lines))), draw(st.booleans())))
    return tuple(found)


@contextmanager
def imported(folder: Path, out: Path) -> Iterator[list[ModuleType]]:
    """Import every module of a package that is called like the installed one, and forget it again."""
    hidden = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == PACKAGE}
    sys.path.insert(0, str(out))
    importlib.invalidate_caches()
    try:
        files = sorted((out / PACKAGE).rglob("*.py"))
        names = [".".join(path.relative_to(out).with_suffix("").parts) for path in files]
        yield [importlib.import_module(name) for name in names if not name.endswith("__init__")]
    finally:
        sys.path.remove(str(out))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]
        sys.modules.update(hidden)


def generate(folder: Path, templates: tuple[Template, ...]) -> Path:
    """Write templates and a beamline of them, and the package that the pipeline makes of it."""
    (folder / ".git").mkdir()
    (folder / "plate.template").write_text(PLATE)
    for stem, template in zip(STEMS, templates, strict=False):
        (folder / f"{stem}.template").write_text("".join(f"{line}\n" for line in template.lines))
    placed = [stem for stem, template in zip(STEMS, templates, strict=False) if template.placed]
    placed = placed or [STEMS[len(templates) - 1]]
    databases = [{"file": f"{stem}.template", "macros": {"P": f"{stem.upper()}:"}} for stem in placed]
    file = folder / "beamline.yaml"
    file.write_text(json.dumps({"name": "demo", "iocs": [{"name": "I1", "databases": databases}]}))
    problems = Problems()
    generated = generate_beamline(file, folder / "out", problems, lambda done, total: None)
    assert generated is not None, "\n".join(map(str, problems))
    for path, text in generated.files.items():
        target = generated.package / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder / "out"


def check(device: Device, records: dict[str, LoadedRecord], prefix: str) -> None:
    """See that every record has its signal, at its name and with its type, and that there is nothing else."""
    found: dict[str, Any] = {}
    for one in leaves(device, device.name):
        for pv in one.pvs:
            if "." not in pv:
                found.setdefault(pv, one.leaf)
    motors = {name for name, record in records.items() if record.type == "motor"}
    assert found.keys() == records.keys() - motors
    for name, leaf in found.items():
        described = records[name]
        if described.type == "mbbo":
            states = [described.fields[f].value for f in ("ZRST", "ONST", "TWST") if f in described.fields]
            assert issubclass(leaf.datatype, Enum)
            assert [state.value for state in leaf.datatype] == states, name
        else:
            assert leaf.datatype is TYPES[described.type], name
    assert isinstance(device, Motor) or motors != {prefix}


def check_names(modules: list[ModuleType]) -> None:
    """See that no two devices of a package have one name, and that no class has the name of a shipped one."""
    made = [value for module in modules for value in vars(module).values() if is_made_in(module, value)]
    devices = [one.__name__ for one in made if issubclass(one, Device)]
    assert len(set(devices)) == len(devices)
    assert not shipped_names() & {one.__name__ for one in made}


def is_made_in(module: ModuleType, value: object) -> TypeGuard[type]:
    """Return whether a value of a module is a class that it defines."""
    return isinstance(value, type) and value.__module__ == module.__name__


def diamond(*orders: tuple[str, ...]) -> tuple[Template, ...]:
    """Make templates of which each includes some before it."""
    return tuple(
        Template((*map(include, order), record(f"Own{number}", "ai")), placed=True)
        for number, order in enumerate(orders)
    )


@settings(max_examples=25)
@given(graphs())
@example(diamond((), ("base",), ("base", "track")))
@example(diamond((), (), ("base", "track"), ("track", "base"), ("cam", "base_common")))
def test_any_includes_make_classes_that_are_what_the_database_says(templates: tuple[Template, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = generate(folder, templates)
        files = DescriptionFiles([folder], folder, Problems())
        with imported(folder, out) as modules:
            beamline = next(module for module in modules if module.__name__.endswith(".demo"))
            assert isinstance(beamline.devices, Beamline)
            devices = [factory() for factory in beamline.devices]
            check_names(modules)
        for device in devices:
            stem = device.name
            loaded = load_database(
                files, folder / f"{stem}.template", {"P": f"{stem.upper()}:"}, [folder], Problems(), cwd=folder
            )
            check(device, loaded.records, f"{stem.upper()}:")
