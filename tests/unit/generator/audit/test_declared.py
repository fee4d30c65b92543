"""What is read of classes without running them is what they are when they are made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems
from beamwright_generator.python.constructors import Evaluator
from beamwright_generator.python.declarations import DatatypeForm, Declarations, SignalDeclaration
from beamwright_generator.python.python_modules import ModuleFinder
from beamwright_generator.python.values import plain
from benchmarks.audit.agreement import datatype_as_made
from benchmarks.audit.client import datatype_text, made, pvs, signals

PREFIX = "PREFIX:"
SHIPPED = {
    "ophyd_async.epics.adaravis": ["AravisDriverIO"],
    "ophyd_async.epics.adcore": ["NDArrayBaseIO", "NDFileHDF5IO", "NDROIStatIO", "NDStatsIO"],
    "ophyd_async.epics.advimba": ["VimbaDetector", "VimbaDriverIO"],
    "ophyd_async.epics.demo": ["DemoMotor", "DemoStage"],
    "ophyd_async.epics.motor": ["Motor"],
    "ophyd_async.epics.testing": ["EpicsTestCaDevice"],
}
"""Classes with annotations, with constructors, and with devices and vectors inside."""

Read = dict[str, tuple[str | None, str, str]]


@pytest.fixture(scope="module")
def declarations() -> Declarations:
    folders = [Path(folder) for folder in sys.path if folder]
    return Declarations(Evaluator(ModuleFinder(DescriptionFiles([], Path.cwd(), Problems()), folders)))


def sides(signal: SignalDeclaration) -> tuple[str, str]:
    read, write = (plain(side or "?").replace("{prefix}", PREFIX) for side in (signal.read, signal.write))
    return read, write


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in SHIPPED.items() for name in names])
def test_signals_are_those_of_an_instance(declarations: Declarations, module: str, name: str) -> None:
    source = declarations.lookup.modules.module(module)
    assert source is not None
    found = declarations.declared(source, name)
    assert found is not None
    assert found.complete
    read: Read = {s.attribute: (datatype_as_made(s), *sides(s)) for s in found.signals}
    untold = {s.attribute for s in found.signals if s.type.form in (DatatypeForm.OTHER, DatatypeForm.UNKNOWN)}
    assert untold == set()
    device = made(module, name, {"prefix": PREFIX})
    expected: Read = {at: (datatype_text(leaf), *pvs(leaf)) for at, leaf in signals(device)}
    assert read == expected
