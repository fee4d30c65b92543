"""The beamline before and after a change, generated once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.generator.changes.changed_site import write_site


@pytest.fixture(scope="session")
def generated_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both sides; nothing in here is changed."""
    return write_site(tmp_path_factory.mktemp("changed"))


@pytest.fixture
def site(generated_site: Path, tmp_path: Path) -> Path:
    """Both sides, in a folder of the test's own."""
    return Path(shutil.copytree(generated_site, tmp_path / "site"))
