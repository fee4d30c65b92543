"""A site that the command is run in; and examples that hypothesis finds may take as long as they need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from beamwright_generator.cli.gen import main
from tests.helpers import generator_site as site

# Other work on the machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

Gen = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with one pump, which the command is run in."""
    site.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def gen(folder: Path) -> Gen:
    """Run the command in this process; it may end, but not with an exception."""

    def gen(*arguments: object) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        return result

    return gen
