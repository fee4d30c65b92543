"""What the runtime needs of ophyd-async and bluesky that they do not export: said in one module, and there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest
from bluesky.utils import Plan
from ophyd_async.core import (
    NO_ARG_VOID_SIGNATURE,
    CommandConnector,
    Device,
    Signal,
    SignalConnector,
    SoftCommandBackend,
    SoftSignalBackend,
    StandardDetector,
    TriggerableCommand,
)
from ophyd_async.epics.pmac import PmacTrajectoryFlyableLogic

import beamwright_runtime
from beamwright_runtime.ophyd_seam import Annotations

RUNTIME = Path(beamwright_runtime.__file__).parent
SEAM = RUNTIME / "ophyd_seam.py"

COMMAND = SoftCommandBackend(lambda: None, NO_ARG_VOID_SIGNATURE)
THINGS: dict[str, tuple[object, tuple[str, ...]]] = {
    "a Device": (
        Device(),
        (
            "_child_devices",
            "_child_name_separator",
            "_connect_task",
            "_connector",
            "_mock",
            "_name",
            "_setattr_methods",
        ),
    ),
    "a Signal": (Signal(SoftSignalBackend(float)), ("_attempts", "_connector", "_name", "_timeout")),
    "a Command": (TriggerableCommand(cast("Any", COMMAND)), ("_connector", "_name", "_timeout")),
    "a SignalConnector": (SignalConnector(SoftSignalBackend(float)), ("_init_backend", "backend")),
    "a CommandConnector": (CommandConnector(COMMAND), ("_init_backend", "backend")),
    "a DeviceFiller": (
        Annotations(Device()),
        (
            "_command_signature",
            "_extras",
            "_store_command_datatype",
            "_store_signal_datatype",
            "_uncreated_commands",
            "_uncreated_devices",
            "_uncreated_signals",
            "_validate_signal_datatype",
        ),
    ),
    "a StandardDetector": (
        StandardDetector(),
        ("_acquire_logic", "_data_logics", "_prepare_ctx", "_supported_triggers", "_trigger_logic"),
    ),
    "a PmacTrajectoryFlyableLogic": (
        PmacTrajectoryFlyableLogic(cast("Any", None)),
        ("_parse_trajectory", "_turnaround_time"),
    ),
    "a plan of bluesky": (Plan, ("_iter",)),
}
MODULES: dict[str, tuple[str, ...]] = {
    "ophyd_async.epics.pmac._pmac_trajectory": ("PmacFlyCtx", "SLICE_SIZE"),
    "ophyd_async.epics.pmac._pmac_trajectory_generation": ("Trajectory",),
    "ophyd_async.epics.pmac._utils": ("_PmacMotorInfo", "calculate_ramp_position_and_duration"),
    "ophyd_async.fastcs.panda._acquire_logic": ("PandaAcquireLogic",),
    "ophyd_async.fastcs.panda._data_logic": ("PandaHDFDataLogic",),
    "ophyd_async.fastcs.panda._trigger_logic": ("PandaTriggerLogic",),
}
NEEDED = {name for _, names in THINGS.values() for name in names} | {
    name for module, names in MODULES.items() for name in (module, *names)
}


def lacks(owner: str, name: str) -> str:
    versions = ", ".join(f"{package} {version(package)}" for package in ("ophyd-async", "bluesky"))
    return f"{versions}: {owner} has no {name}, which beamwright_runtime.ophyd_seam needs"


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, (_, names) in THINGS.items() for name in names])
def test_the_installed_version_has_the_attribute(owner: str, name: str) -> None:
    assert hasattr(THINGS[owner][0], name), lacks(owner, name)


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in MODULES.items() for name in names])
def test_the_installed_version_has_the_name(module: str, name: str) -> None:
    try:
        found = import_module(module)
    except ModuleNotFoundError:
        pytest.fail(lacks("it", module))
    assert hasattr(found, name), lacks(module, name)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_imports(tree: ast.AST) -> Iterator[str]:
    """Give the private modules of others that a module imports from, with the names; and private names of others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (module := node.module or "").startswith(("ophyd_async", "bluesky")):
            names = [alias.name for alias in node.names]
            if any(map(is_private, module.split("."))):
                yield from (module, *names)
            yield from filter(is_private, names)


def private_members(tree: ast.AST) -> Iterator[str]:
    """Give private attributes, also as texts, and methods, that a module does not have of its own."""
    own: set[str] = set()
    said: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                own.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                own.add(name)
            case ast.Attribute(attr=name) | ast.Constant(value=str(name)) | ast.FunctionDef(name=name):
                said.add(name)
            case _:
                pass
    yield from (name for name in said - own if is_private(name) and name.isidentifier())


def test_the_seam_says_what_is_listed_and_no_more() -> None:
    tree = ast.parse(SEAM.read_text())
    said = {*private_imports(tree), *private_members(tree)}
    assert {name for name in NEEDED if name.startswith("ophyd_async.") or is_private(name)} == {
        name for name in said if name.startswith("ophyd_async.") or is_private(name)
    }


@pytest.mark.parametrize("path", sorted(RUNTIME.rglob("*.py")), ids=lambda path: str(path.relative_to(RUNTIME)))
def test_no_other_module_says_it(path: Path) -> None:
    if path != SEAM:
        tree = ast.parse(path.read_text())
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert {*private_imports(tree)} == set()
        assert {name for name in NEEDED if is_private(name)} & texts == set()
