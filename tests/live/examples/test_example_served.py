"""Every device of the example beamline connects to its records, which soft IOCs serve."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from ophyd_async.core import StaticFilenameProvider, StaticPathProvider

from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.devices.template_instances import Instances
from beamwright_runtime import Motor, Panda
from tests.helpers.own_module import own_module
from tests.helpers.paths import ROOT, TESTS
from tests.helpers.soft_records import place
from tests.helpers.softioc import SoftIoc


@pytest.fixture(scope="module")
def soft_iocs() -> Iterator[SoftIoc]:
    """The records that the example's IOCs load, as far as EPICS base has their types."""
    problems = Problems()
    project = BeamlineProject.open(ROOT / "examples" / "x01" / "beamline.yaml", problems)
    assert project is not None
    loads = list(Instances(project).read())
    assert not problems.errors
    with SoftIoc(*(place(load.path, **load.macros) for load in loads)) as ioc:
        yield ioc


def test_every_device_connects_to_its_records_and_all_signals_read(soft_iocs: SoftIoc) -> None:
    client = TESTS / "helpers" / "example_client.py"
    printed = soft_iocs.run([sys.executable, "-W", "error", str(client)])
    read = [json.loads(line) for line in printed.splitlines()]
    x01 = own_module("beamwright_generated.beamlines.x01")
    x01.devices.fixtures["path_provider"] = StaticPathProvider(StaticFilenameProvider("frames"), Path("/data"))
    elsewhere = Motor | Panda | x01.Slits
    served = {name for name, factory in x01.devices.factories.items() if not isinstance(factory(), elsewhere)}
    assert {device for device, *_ in read} == served
    assert all(pv.startswith(("ca://BL01X-", "ca://SR01-")) for _, _, pv, _ in read)
    assert len({name for _, name, _, _ in read}) == len(read) > 400
    kinds = Counter(kind for *_, kind in read)
    assert {"SimDetectorSimMode", "ShutterState", "ADImageMode", "bool", "int", "float", "str", "ndarray"} <= set(kinds)
