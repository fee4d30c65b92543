"""What the audit says of the cases is what comes of connecting their classes to an IOC that serves their databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from beamwright_generator.audit.acceptance import Outcome
from beamwright_generator.audit.findings import Audit
from beamwright_generator.vocabulary import Transport
from tests.generator.audit.audit_cases import Case, case, names
from tests.softioc import SoftIoc

ROOT = Path(__file__).resolve().parents[3]
MACROS = "P=AUDIT:,R=CAM:"
PREFIX = {"$(P)$(R)": "AUDIT:CAM:", "$(P)": "AUDIT:"}
SECONDS = 3.0
"""How long a PV that is not there is waited for; each signal has two tries."""


def connected(wanted: Case, audited: Audit, environment: Mapping[str, str], over: Transport) -> dict[str, str | None]:
    """Make every class of a case, connect its signals, and say by `Class.attribute` what goes wrong."""
    start = "pva://" if over is Transport.PVA else ""
    classes = {}
    for one in audited.judged:
        text = one.signal.write or ""
        leaf = text.rpartition("\ue001")[2]
        prefix = next(iter(one.pvs[-1:])).removesuffix(leaf)
        classes[one.cls.name] = start + PREFIX[prefix]
    attributes = [one.signal.attribute for one in audited.judged]
    request = {
        "classes": [["devices", name, {"prefix": prefix}, attributes] for name, prefix in classes.items()],
        "timeout": SECONDS,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.audit_client"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join([str(wanted.folder), str(ROOT), *sys.path])},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert not [answer for answer in answers if isinstance(answer, str)]
    return {
        f"{name}.{attribute}": outcome
        for name, answer in zip(classes, answers, strict=True)
        for attribute, *_, outcome in answer
    }


@pytest.mark.parametrize("name", names(live=True))
def test_errors_are_what_does_not_connect(name: str) -> None:
    wanted = case(name)
    with SoftIoc(*wanted.against, macros=MACROS) as ioc:
        for over in Transport:
            audited, _ = wanted.audited(over)
            outcomes = connected(wanted, audited, ioc.environment, over)
            said = {f"{one.cls.name}.{one.signal.attribute}": one.verdict.outcome for one in audited.judged}
            assert said
            assert {key: one for key, one in said.items() if one not in (Outcome.CONNECTS, Outcome.REFUSED)} == {}
            refused = {key for key, one in said.items() if one is Outcome.REFUSED}
            assert {key for key in said if outcomes[key] is not None} == refused, outcomes
