"""What the audit says of the cases is what comes of connecting their classes to an IOC that serves their databases."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping

import pytest

from beamwright_generator.audit.acceptance import Outcome
from beamwright_generator.audit.class_check import Audit
from beamwright_generator.audit.place_check import Judgement
from beamwright_generator.basics.choices import Transport
from tests.helpers.paths import ROOT
from tests.helpers.softioc import SoftIoc
from tests.unit.generator.audit.audit_cases import case, names

SECONDS = 4.0
"""How long a PV that is not there is waited for; each signal has two tries."""

Outcomes = Mapping[str, Mapping[str, str | None]]


def placed(name: str, text: str) -> str:
    """Give every case a prefix of its own."""
    return text.replace("$(P)", f"{name}:").replace("$(R)", "CAM:")


def by_signal(audited: Audit) -> dict[str, Judgement]:
    return {f"{one.cls.name}.{one.signal.attribute}": one for one in audited.judged}


@pytest.fixture(scope="module")
def ioc() -> Iterator[SoftIoc]:
    """One IOC that serves the databases of all cases."""
    files = ((name, file) for name in names(live=True) for file in case(name).against)
    with SoftIoc(*(placed(name, file.read_text(encoding="utf-8")) for name, file in files), timeout=250) as serving:
        yield serving


@pytest.fixture(scope="module", params=list(Transport))
def connected(request: pytest.FixtureRequest, ioc: SoftIoc) -> tuple[Transport, Outcomes]:
    """What came of connecting every class of every case, by case and signal."""
    over: Transport = request.param
    wanted: dict[tuple[str, str], list[object]] = {}
    for name in names(live=True):
        audited, _ = case(name).audited(over)
        for one in audited.judged:
            leaf = (one.signal.write or "").rpartition("\ue001")[2]
            prefix = ("pva://" if over is Transport.PVA else "") + placed(name, one.pvs[-1].removesuffix(leaf))
            module = f"tests.unit.generator.audit.cases.{name}.devices"
            attributes = [judged.signal.attribute for judged in audited.judged if judged.cls.name == one.cls.name]
            wanted[name, one.cls.name] = [module, one.cls.name, {"prefix": prefix}, attributes]
    command = ["env", f"PYTHONPATH={os.pathsep.join([str(ROOT), *sys.path])}", sys.executable]
    sent = json.dumps({"classes": list(wanted.values()), "timeout": SECONDS})
    answers = json.loads(ioc.run([*command, "-m", "benchmarks.audit.client"], sent))
    assert not [answer for answer in answers if isinstance(answer, str)]
    outcomes: dict[str, dict[str, str | None]] = {}
    for (name, cls), answer in zip(wanted, answers, strict=True):
        outcomes.setdefault(name, {}).update({f"{cls}.{attribute}": said for attribute, *_, said in answer})
    return over, outcomes


@pytest.mark.parametrize("name", names(live=True))
def test_errors_are_what_does_not_connect(name: str, connected: tuple[Transport, Outcomes]) -> None:
    over, outcomes = connected
    said = by_signal(case(name).audited(over)[0])
    assert said
    assert {one.verdict.outcome for one in said.values()} <= {Outcome.CONNECTS, Outcome.REFUSED}
    refused = {signal for signal, one in said.items() if one.verdict.outcome is Outcome.REFUSED}
    assert {signal for signal in said if outcomes[name][signal] is not None} == refused, outcomes[name]
