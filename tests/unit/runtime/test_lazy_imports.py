"""The package imports what a name needs when the name is first used, and nothing before."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing

import pytest
from ophyd_async.core import PathProvider

import beamwright_runtime
from beamwright_generated.beamlines import x01
from beamwright_generated.devices.panda import PandaDevice
from beamwright_runtime import plans


@pytest.mark.parametrize("name", beamwright_runtime.__all__)
def test_every_public_name_resolves(name: str) -> None:
    value = getattr(beamwright_runtime, name)
    assert value.__name__ == name
    assert value.__module__.startswith("beamwright_runtime.")


def test_the_public_names_are_those_that_are_imported_late() -> None:
    late = [name for names in beamwright_runtime._NAMES.values() for name in names]
    assert sorted(late) == sorted(beamwright_runtime.__all__)
    assert set(beamwright_runtime.__all__) <= set(dir(beamwright_runtime))


def test_another_name_is_missing() -> None:
    with pytest.raises(AttributeError, match="module 'beamwright_runtime' has no attribute 'Pandas'"):
        getattr(beamwright_runtime, "Pandas")  # noqa: B009 - type checkers know that there is none


def loaded(statement: str) -> set[str]:
    """Give what a statement imports in a process of its own."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_alone_loads_nothing() -> None:
    modules = loaded("import beamwright_runtime")
    assert not {"ophyd_async", "bluesky", "aioca", "p4p", "scanspec"} & modules
    ours = {module for module in modules if module.startswith("beamwright_runtime.")}
    assert ours == {"beamwright_runtime.extras", "beamwright_runtime.lazy_names"}


def test_plans_list_the_names_that_they_import_late() -> None:
    assert {"connected", "fly_grid", "fly_scan", "step_scan"} <= set(dir(plans))
    with pytest.raises(AttributeError, match=r"module 'beamwright_runtime\.plans' has no attribute 'fly'"):
        getattr(plans, "fly")  # noqa: B009 - type checkers know that there is none


def test_devices_without_a_panda_do_not_load_what_it_needs() -> None:
    modules = loaded("from beamwright_runtime import AreaDetector, Beamline, Motor, Policy, RecordDevice")
    assert {"beamwright_runtime.beamline.factory", "beamwright_runtime.devices.motor"} <= modules
    assert (
        not {"beamwright_runtime.devices.panda", "beamwright_runtime.plans", "scanspec", "ophyd_async.fastcs"} & modules
    )


def test_all_names_at_once() -> None:
    modules = loaded("from beamwright_runtime import *\nassert Panda and RecordDevice")
    assert "beamwright_runtime.devices.panda" in modules


def test_the_example_is_imported_and_listed_without_what_its_panda_needs() -> None:
    modules = loaded("from beamwright_generated.beamlines import x01\nassert x01.panda in list(x01.devices)")
    assert "beamwright_generated.devices.sim_detector" in modules
    assert not {"beamwright_generated.devices.panda", "ophyd_async.fastcs", "scanspec", "scanspec.specs"} & modules
    assert "beamwright_runtime.channels.ca.pool" not in modules


def test_factories_of_the_example_have_types() -> None:
    assert typing.get_type_hints(x01.panda) == {"path_provider": PathProvider, "return": PandaDevice}
    assert inspect.signature(x01.panda, eval_str=True).return_annotation is PandaDevice
