"""`BEAMWRIGHT_PLAIN_CA` is read once for each process; `make test` runs some files of CA with it as well."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WAY = """
from beamwright_runtime.channels.ca import libca, requests, thread_states
(pointer,) = libca.pointers([4096])
print(libca.PLAIN, libca.TWO_WORDS, libca._brief is libca._waits, libca._field_types.argtypes is not None)
print(getattr(pointer, "value", None), requests.MANY > 10**6, thread_states._keeps)
"""


def way(setting: str | None) -> list[str]:
    """Return what a process with this setting says of how it calls libca."""
    environment = {name: value for name, value in os.environ.items() if name != "BEAMWRIGHT_PLAIN_CA"}
    if setting is not None:
        environment["BEAMWRIGHT_PLAIN_CA"] = setting
    done = subprocess.run([sys.executable, "-c", WAY], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_variable_turns_all_tricks_off() -> None:
    assert way("1") == ["True", "False", "True", "True", "4096", "True", "False"]


@pytest.mark.parametrize("setting", [None, "0", ""])
def test_the_quick_way_is_the_usual_one(setting: str | None) -> None:
    plain, _, without_gil, prototypes, pointer, never_groups, _ = way(setting)
    assert [plain, without_gil, prototypes, pointer, never_groups] == ["False", "False", "False", "None", "False"]
