"""Scans that are interrupted at random come out as if they were not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.fly_faults.disturbances import Disturbance, Outcome, ours


def disturb(folder: Path, seed: int, scans: int) -> None:
    draw = random.Random(seed)
    outcome = Outcome()
    for _ in range(scans):
        ours(Disturbance.drawn(draw), outcome, folder)
    assert outcome == Outcome(scans=scans)


@pytest.mark.long
def test_some_random_sequences(tmp_path: Path) -> None:
    disturb(tmp_path, 3, 8)


@pytest.mark.soak
def test_a_hundred_random_sequences(tmp_path: Path) -> None:
    disturb(tmp_path, 4, 100)
