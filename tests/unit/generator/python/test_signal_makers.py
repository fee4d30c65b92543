"""The table of signal makers is what the installed ophyd-async has."""

from __future__ import annotations

import inspect

import pytest
from ophyd_async.epics import core

from beamwright_generator.python.signal_makers import SIGNAL_MAKERS, readback, signal_made

PVS = ["P:Gain", "P:Gain.VAL", "P:Gain.", "P:A.B.C", ""]


def test_every_maker_of_ophyd_async_is_in_the_table() -> None:
    made = {name for name in core.__all__ if name.startswith("epics_")}
    assert made == set(SIGNAL_MAKERS)


@pytest.mark.parametrize("name", SIGNAL_MAKERS)
def test_parameters_and_what_is_made_are_those_of_ophyd_async(name: str) -> None:
    signature = inspect.signature(getattr(core, name))
    kind, parameters = SIGNAL_MAKERS[name]
    assert tuple(signature.parameters) == parameters
    assert str(signature.return_annotation).partition("[")[0] == kind


@pytest.mark.parametrize("suffix", ["_RBV", ":RBV", ""])
@pytest.mark.parametrize("pv", PVS)
def test_a_readback_is_that_of_ophyd_async(pv: str, suffix: str) -> None:
    source = core.epics_signal_rw_rbv(float, pv, suffix).source
    assert source == f"ca://{readback(pv, suffix)}"


@pytest.mark.parametrize("write", [None, "", "P:B"])
def test_an_empty_setpoint_is_the_readback(write: str | None) -> None:
    made = signal_made("epics_signal_rw", [None, "P:A", write], {})
    assert made is not None
    assert (made.read, made.write) == ("P:A", write or "P:A")
