"""Folders of this checkout, wherever a test lies."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
GOLDEN = TESTS / "golden"
PVI_SERVERS = TESTS / "helpers" / "pvi_servers"
REPORTED = (TESTS / "unit", TESTS / "live")
"""Where what other commands than `gen beamline` report is kept, as `*problems.txt`."""
HELPERS = Path(__file__).resolve().parent
